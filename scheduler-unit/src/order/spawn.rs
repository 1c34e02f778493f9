//! Spawns: a new log, whose slot 0 is the spawn itself.

use protocol::{ProcessId, Slot, Spawn, Timestamp, Verified};

use super::{Decision, Head, Log, Order, Place, Undo, check_expiry, check_size};

impl Order {
    pub(super) fn handle_spawn(
        &mut self,
        now: Timestamp,
        spawn: &Verified<Spawn>,
        size: usize,
    ) -> Decision {
        let process = ProcessId::of_spawn(spawn.entry_id());
        if self.logs.contains_key(&process) {
            return Decision::Duplicate(Place { process, slot: Slot::ZERO });
        }
        let number = u64::try_from(self.logs.len()).expect("a map has fewer than 2^64 rows");
        let log = Log::new(number, &process, spawn.body(), Head::EMPTY);
        if let Err(refused) = check_expiry(now, spawn.body().expiry)
            .and_then(|()| check_size(size, log.message_bytes))
        {
            return refused;
        }
        self.logs.insert(process, log);
        self.undo.push(Undo::Born(process));
        Decision::Assigned(self.assign(now, process, spawn.entry_id()))
    }
}
