//! Numbers that their source has given up: passed over in their turn, unless they have come.

use protocol::{PairNumber, Slot};

use super::{
    Effect, Outbox, PairKey,
    pair::{Pair, Skip, Spill},
};

impl<P: Clone> Outbox<P> {
    /// Learns that the source of a pair has given up a number, in this slot. The cursor stays at or
    /// below the slot until that is settled.
    pub(crate) fn handle_skip(
        &mut self,
        key: PairKey,
        number: PairNumber,
        (slot, payload): (Slot, P),
    ) {
        let pair = self.pairs.entry(key).or_insert_with(|| Pair::new(self.tickets));
        if pair.skips.contains_key(&number) {
            return;
        }
        if pair.next.is_some_and(|next| number < next) {
            self.progress.open(key.source, slot);
            let payload = Some(payload);
            self.effects.push(Effect::Settle { pair: key, number, slot, payload });
        } else if self.skips < self.bounds.skips && pair.skips.len() < self.bounds.pair_items {
            pair.skips.insert(number, Skip { slot, payload: Some(payload) });
            self.skips += 1;
            self.progress.open(key.source, slot);
            self.unblock(key, number);
        } else if self.notes < self.bounds.notes {
            pair.skips.insert(number, Skip { slot, payload: None });
            self.notes += 1;
            self.progress.open(key.source, slot);
        } else {
            self.skips_ignored += 1;
        }
        self.advance(key);
    }

    /// Lets a pair go on whose item is refused without proof, as that item is given up.
    fn unblock(&mut self, key: PairKey, number: PairNumber) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        // What comes behind a blocked item is not in the queue.
        let Some(blocked) = pair.queue.back().filter(|last| {
            last.number == number
                && last.skippable
                && pair.block.is_some_and(|(first, _)| first == number)
        }) else {
            return;
        };
        let from = blocked.slot;
        pair.block = None;
        pair.disputed = None;
        pair.renew();
        let beyond = number.next().zip(pair.beyond.take());
        if let Some((first, last)) = beyond.filter(|(first, last)| first <= last) {
            self.spill(key, Spill { from, number: first, last });
        }
    }

    /// Settles the skips whose numbers have come or were passed over.
    pub(super) fn settle_skips(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let Some(next) = pair.next else { return };
        while let Some(first) = pair.skips.first_entry().filter(|first| *first.key() < next) {
            let (number, Skip { slot, payload }) = first.remove_entry();
            let count = if payload.is_some() { &mut self.skips } else { &mut self.notes };
            *count -= 1;
            self.effects.push(Effect::Settle { pair: key, number, slot, payload });
        }
    }

    /// Searches for items that shall be passed over and have never come by.
    pub(super) fn search_for_skipped(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get(&key) else { return };
        let Some(last) = pair.skips.last_key_value().map(|(number, _)| *number) else { return };
        if let Some(next) = pair.next.filter(|_| pair.queue.is_empty() && pair.spill.is_none()) {
            self.spill(key, Spill { from: Slot::ZERO, number: next, last });
        }
    }

    /// Lets go of what proves the skips of a pair, as it no longer counts: their items are delivered
    /// instead, and their sources told.
    pub(super) fn forget_proofs(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        for skip in pair.skips.values_mut().filter(|skip| skip.payload.is_some()) {
            skip.payload = None;
            self.skips -= 1;
            self.notes += 1;
        }
    }

    /// Lets go of the skips that a process emitted from a slot on, which is void.
    pub(super) fn void_skips(&mut self, key: PairKey, first: Slot) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        for (_, skip) in pair.skips.extract_if(.., |_, skip| skip.slot >= first) {
            let count = if skip.payload.is_some() { &mut self.skips } else { &mut self.notes };
            *count -= 1;
            self.progress.close(key.source, skip.slot);
        }
    }
}
