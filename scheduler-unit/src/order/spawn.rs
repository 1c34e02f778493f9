//! Spawns: a new log, whose slot 0 is the spawn itself, or the delivery of a parent that carries it.

use protocol::{
    EntryId, PairNumber, ProcessId, Refusal, RefusalCode, Slot, Spawn, Timestamp, Verified,
};

use super::{
    Decision, Head, Log, Order, Place, Undo, check_expiry, check_size,
    delivery::{taken, too_early},
};
use crate::verify::{Child, Misfit};

impl Order {
    pub(super) fn handle_spawn(
        &mut self,
        now: Timestamp,
        spawn: &Verified<Spawn>,
        size: usize,
    ) -> Decision {
        let process = ProcessId::of_spawn(spawn.entry_id());
        if !self.logs.contains_key(&process)
            && let Err(refused) = check_expiry(now, spawn.body().expiry, now)
        {
            return refused;
        }
        self.give_birth(now, (process, spawn.body()), spawn.entry_id(), size)
    }

    /// A child is number 0 of the pair of parent and child.
    pub(super) fn handle_child(
        &mut self,
        now: Timestamp,
        child: &Child,
        entry: EntryId,
        size: usize,
    ) -> Decision {
        let (process, pair) = (child.process, (child.process, child.parent));
        if self.next_number(&pair) > PairNumber::ZERO {
            return taken();
        }
        // A process does not know this clock: its child may expire as late as it likes.
        let decision = if !self.logs.contains_key(&process) && child.spawn.expiry < now {
            let detail = "the expiry of the spawn is past";
            Decision::Final(Refusal::new(RefusalCode::Expired, detail))
        } else {
            self.give_birth(now, (process, &child.spawn), entry, size)
        };
        if matches!(decision, Decision::Assigned(_) | Decision::Final(_)) {
            self.use_pair(pair, PairNumber::ZERO);
        }
        decision
    }

    /// A child that cannot be, or is there already: its number is used up, and the pair goes on.
    pub(super) fn handle_misfit(&mut self, misfit: &Misfit) -> Decision {
        let Misfit { item, is_own, flaw } = misfit;
        let pair = (item.target(), item.source());
        let next = self.next_number(&pair);
        if item.number() < next {
            return taken();
        }
        let is_unborn = !self.logs.contains_key(&item.target());
        if !(is_unborn && *is_own)
            && let Err(refused) = self.own(&item.target())
        {
            return refused;
        }
        if item.number() > next {
            return too_early(next);
        }
        self.use_pair(pair, item.number());
        Decision::Final(flaw.clone())
    }

    fn give_birth(
        &mut self,
        now: Timestamp,
        (process, spawn): (ProcessId, &Spawn),
        entry: EntryId,
        size: usize,
    ) -> Decision {
        if self.logs.contains_key(&process) {
            return Decision::Duplicate(Place { process, slot: Slot::ZERO });
        }
        let number = u64::try_from(self.logs.len()).expect("a map has fewer than 2^64 rows");
        let log = Log::new(number, &process, spawn, Head::EMPTY);
        if let Err(refused) = check_size(size, log.message_bytes) {
            return refused;
        }
        self.logs.insert(process, log);
        self.undo.push(Undo::Born(process));
        Decision::Assigned(self.assign(now, process, entry))
    }
}
