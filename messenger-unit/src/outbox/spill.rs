//! Items that are not held in memory: how a pair lets go of them, and how they come back.

use protocol::{PairNumber, Slot};

use super::{Doubt, Item, Outbox, PairKey, pair::Spill};

impl<P: Clone> Outbox<P> {
    /// Learns the number that is accepted next, and resumes there. The target's word counts: if it
    /// has gone back, which a takeover makes it do, what it has lost is searched for again.
    pub(super) fn resume_pair(&mut self, key: PairKey, next: PairNumber) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        pair.doubtful = false;
        pair.doubt = Doubt::default();
        let lost = pair.next.filter(|known| next < *known && !pair.outran);
        if let Some(known) = lost {
            pair.next = Some(next);
            pair.disown();
            self.spill_all(key, Slot::ZERO, (next, PairNumber::new(known.get() - 1)));
            return self.open_pair(key);
        }
        pair.accepted_below(next);
        self.drop_accepted(key);
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let spilled = pair.spill.map(|spill| spill.number);
        let first = pair.queue.front().map(|front| front.number).or(spilled);
        if let (Some(first), Some(next)) = (first, pair.next)
            && first > next
        {
            // Numbers are missing before what came: search for them from the beginning.
            self.spill_all(key, Slot::ZERO, (next, next));
        }
        self.search_for_skipped(key);
        self.open_pair(key);
    }

    pub(super) fn spill(&mut self, key: PairKey, spill: Spill) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        debug_assert!(pair.spill.is_none());
        pair.spill = Some(spill);
        self.progress.open(key.source, spill.from);
    }

    /// Queues fetched items; whether there were any that continue the pair.
    pub(super) fn refill(&mut self, key: PairKey, items: Vec<Item<P>>) -> bool {
        let Some(spill) = self.pairs.get_mut(&key).and_then(|pair| pair.spill.take()) else {
            return true;
        };
        let mut rest = Some(spill);
        let mut gained = false;
        for item in items {
            let Some(pair) = self.pairs.get(&key) else { break };
            let expected = pair.tail().unwrap_or(spill.number);
            if item.number < expected {
                continue;
            }
            if item.number > expected || pair.queue.len() >= self.bounds.pair_items {
                break;
            }
            gained = true;
            let (from, last) = (item.slot, spill.last.max(item.number));
            rest = item.number.next().map(|number| Spill { from, number, last });
            self.push(key, item);
        }
        // What is left keeps its own hold on the cursor before the old one is let go.
        if let Some(rest) = rest.filter(|rest| rest.number <= rest.last) {
            self.spill(key, rest);
        }
        self.progress.close(key.source, spill.from);
        gained
    }

    /// Spills all items of a pair: those from a number on, of which at least one more is known to
    /// exist.
    fn spill_all(&mut self, key: PairKey, from: Slot, (number, last): (PairNumber, PairNumber)) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let old = pair.spill.take();
        let last = old.map_or(last, |spill| spill.last.max(last));
        let last = pair.queue.back().map_or(last, |back| last.max(back.number));
        // The new hold on the cursor comes before the old ones are let go.
        self.spill(key, Spill { from, number, last });
        self.truncate(key, PairNumber::ZERO);
        if let Some(old) = old {
            self.progress.close(key.source, old.from);
        }
    }

    /// Keeps nothing of a pair in memory.
    pub(super) fn shed(&mut self, key: PairKey) {
        let front = self.pairs.get(&key).and_then(|pair| pair.queue.front());
        if let Some((from, number)) = front.map(|front| (front.slot, front.number)) {
            self.spill_all(key, from, (number, number));
        }
    }

    /// Lets go of what a process emitted from a slot on, which is void; whether there was anything.
    pub(super) fn void(&mut self, key: PairKey, first: Slot) -> bool {
        let mut any = false;
        self.void_skips(key, first);
        while let Some(item) = self
            .pairs
            .get_mut(&key)
            .and_then(|pair| pair.queue.pop_back_if(|last| last.slot >= first))
        {
            any = true;
            self.let_go(key.source, &item);
        }
        let Some(pair) = self.pairs.get_mut(&key) else { return any };
        pair.last_slot = pair.last_slot.filter(|slot| *slot < first);
        if let Some(spill) = pair.spill.take() {
            any = true;
            if spill.from < first {
                // Whether any but the first exist is open again.
                self.spill(key, Spill { last: spill.number, ..spill });
            }
            self.progress.close(key.source, spill.from);
        }
        any
    }

    /// Takes back all items from a number on, without spilling them.
    pub(super) fn truncate(&mut self, key: PairKey, first: PairNumber) {
        while let Some(item) = self
            .pairs
            .get_mut(&key)
            .and_then(|pair| pair.queue.pop_back_if(|last| last.number >= first))
        {
            self.let_go(key.source, &item);
        }
        if let Some(pair) = self.pairs.get_mut(&key) {
            pair.sent = pair.sent.min(pair.queue.len());
        }
    }
}
