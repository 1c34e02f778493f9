//! Answers: another scheduler's word about an item of this process, once for each number.

use protocol::{EntryId, ProcessId, Timestamp};

use super::{Decision, Order};

impl Order {
    pub(super) fn handle_answer(
        &mut self,
        now: Timestamp,
        asker: ProcessId,
        entry: EntryId,
        looked_up: Timestamp,
    ) -> Decision {
        if let Err(refused) = self.own(&asker) {
            return refused;
        }
        if let Err(decided) = self.check_held(now, &entry, looked_up) {
            return decided;
        }
        let assignment = self.assign(now, asker, entry);
        self.hold(now, entry, &assignment);
        Decision::Assigned(assignment)
    }
}
