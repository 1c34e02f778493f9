//! Messages of clients: assigned at once, and only once while they have not expired.

use protocol::{Message, Refusal, RefusalCode, Timestamp, Verified};

use super::{Decision, Order, Place, Recent, Undo, check_expiry, check_size, unknown_process};

/// How long to wait when too many messages have not expired yet, in milliseconds.
const RETRY_AFTER: u64 = 1_000;

impl Order {
    pub(super) fn handle_message(
        &mut self,
        now: Timestamp,
        message: &Verified<Message>,
        size: usize,
    ) -> Decision {
        let Message { target, expiry, .. } = *message.body();
        let entry = message.entry_id();
        let Some(log) = self.logs.get(&target) else {
            return unknown_process();
        };
        if let Some(place) = self.recent.get(&entry, expiry) {
            return Decision::Duplicate(place);
        }
        if let Err(refused) =
            check_expiry(now, expiry).and_then(|()| check_size(size, log.message_bytes))
        {
            return refused;
        }
        if self.recent.len() >= Recent::MAX {
            let detail = "too many messages have not expired yet";
            let refusal = Refusal::new(RefusalCode::Busy, detail);
            return Decision::Refused(Refusal { retry_after: Some(RETRY_AFTER), ..refusal });
        }
        let assignment = self.assign(now, target, entry);
        self.recent.insert(entry, expiry, Place { process: target, slot: assignment.slot });
        self.undo.push(Undo::Remembered(entry, expiry));
        Decision::Assigned(assignment)
    }
}
