//! Timers and ask timeouts: when they are due on this clock, each occurrence once.

use protocol::{EntryId, Refusal, RefusalCode, Timestamp};

use super::{Decision, Order, Undo};
use crate::verify::Due;

impl Order {
    pub(super) fn handle_timer(
        &mut self,
        now: Timestamp,
        timer: &Due,
        entry: EntryId,
        looked_up: Timestamp,
    ) -> Decision {
        if let Err(refused) = self.own(&timer.process) {
            return refused;
        }
        if let Err(decided) = self.check_held(now, &entry, looked_up) {
            return decided;
        }
        if timer.due > now {
            let wait = timer.due.get().saturating_sub(now.get());
            let detail = format!("it is due in {wait} ms on this scheduler's clock");
            let refusal = Refusal::new(RefusalCode::NotDue, detail);
            return Decision::Refused(Refusal { retry_after: Some(wait), ..refusal });
        }
        if let Some(every) = timer.recurring {
            let key = (timer.process, timer.slot, timer.index);
            let known = self.timers.get(&key).copied();
            let next = known.unwrap_or_default();
            if timer.occurrence < next {
                let detail = "a later occurrence of the timer has come already";
                return Decision::Old(Refusal::new(RefusalCode::Expired, detail));
            }
            if every.catches_up && timer.occurrence > next {
                let detail = format!("send occurrence {next} of the timer first");
                return Decision::Refused(Refusal::new(RefusalCode::OutOfOrder, detail));
            }
            self.timers.insert(key, timer.occurrence.saturating_add(1));
            self.undo.push(Undo::Timer(key, known));
        }
        let assignment = self.assign(now, timer.process, entry);
        self.hold(now, entry, &assignment);
        Decision::Assigned(assignment)
    }
}
