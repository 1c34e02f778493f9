//! What goes in and out of the outbox beside items: effects, bounds and counts.

use std::collections::BTreeMap;

use protocol::{PairNumber, RefusalCode, Slot};

use super::PairKey;

/// What the shell must do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) enum Effect<P> {
    /// Submit an item to its target's scheduler and report what comes of it.
    Submit {
        /// The pair.
        pair: PairKey,
        /// The item's place in it.
        number: PairNumber,
        /// To be reported back.
        ticket: u64,
        /// Whether the source's introduction must come along.
        introduce: bool,
        /// The item.
        payload: P,
    },
    /// Ask the target's scheduler for the number it accepts next, then [`Outbox::handle_next`].
    AskNext {
        /// The pair.
        pair: PairKey,
        /// To be reported back.
        ticket: u64,
    },
    /// Find out anew who the source or the target is, whichever is in doubt; then as for
    /// [`Self::AskNext`].
    LookAgain {
        /// The pair.
        pair: PairKey,
        /// To be reported back.
        ticket: u64,
        /// What is in doubt.
        doubt: Doubt,
    },
    /// Get items of the pair from the source's outcomes, then [`Outbox::handle_fetched`].
    Fetch {
        /// The pair.
        pair: PairKey,
        /// To be reported back.
        ticket: u64,
        /// The slot to search from.
        from: Slot,
        /// The first number wanted.
        number: PairNumber,
    },
    /// No scheduler knows the target: let the sources of asks know that, which are given up then.
    NoTarget {
        /// The pair.
        pair: PairKey,
        /// The asks, in order.
        asks: Vec<P>,
    },
    /// A number has come or was passed over that its source had given up: let the source know which,
    /// then [`Outbox::release`] the slot.
    Settle {
        /// The pair.
        pair: PairKey,
        /// The number.
        number: PairNumber,
        /// The slot that emitted the skip.
        slot: Slot,
        /// The skip; absent where only its slot is known.
        payload: Option<P>,
    },
}

/// What may be outdated of what is known about a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Who executes the source.
    pub(crate) source: bool,
    /// Who orders the target.
    pub(crate) target: bool,
}

impl Doubt {
    /// Whether nothing is.
    pub(crate) const fn is_none(self) -> bool {
        !self.source && !self.target
    }
}

/// How much the outbox holds and keeps under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Items of one pair in flight.
    pub(crate) window: usize,
    /// Items of one pair in memory.
    pub(crate) pair_items: usize,
    /// Items in memory.
    pub(crate) items: usize,
    /// Bytes of items in memory, about.
    pub(crate) weight: usize,
    /// Questions under way at once.
    pub(crate) inquiries: usize,
    /// Pairs kept in memory although nothing waits in them.
    pub(crate) idle_pairs: usize,
    /// Skips in memory; of a pair no more than of its items.
    pub(crate) skips: usize,
    /// Skips of which only the slot is in memory.
    pub(crate) notes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            window: 256,
            pair_items: 4_096,
            items: 262_144,
            weight: 512 << 20,
            inquiries: 128,
            idle_pairs: 262_144,
            skips: 16_384,
            notes: 262_144,
        }
    }
}

/// What waits, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Items in memory.
    pub(crate) items: usize,
    /// Bytes they keep, about.
    pub(crate) weight: usize,
    /// Pairs known.
    pub(crate) pairs: usize,
    /// Pairs that wait after a failure.
    pub(crate) waiting: usize,
    /// Pairs with items that are not in memory.
    pub(crate) spilled: usize,
    /// Pairs blocked by an item that is refused without proof, by the refusal's code.
    pub(crate) blocked: BTreeMap<RefusalCode, u64>,
    /// Skips that wait for the turn of their number, those of which only the slot is known included.
    pub(crate) skips: usize,
    /// Skips since the start that there was no room for, not even for their slots: their sources are not
    /// told of them.
    pub(crate) skips_ignored: u64,
    /// Items refused for good since the start, by the refusal's code.
    pub(crate) refused: BTreeMap<RefusalCode, u64>,
}
