//! Messages of clients: assigned at once, and only once while they have not expired.

use protocol::{Message, Timestamp, Verified};

use super::{
    Decision, Fate, Order, Place, busy, check_expiry, check_size, duplicate_of, refuse_stopped,
};

impl Order {
    pub(super) fn handle_message(
        &mut self,
        now: Timestamp,
        message: &Verified<Message>,
        (size, looked_up): (usize, Timestamp),
    ) -> Decision {
        let Message { target, expiry, sender, .. } = *message.body();
        let entry = message.entry_id();
        // First of all, so that what was assigned here is told when the log has moved, too.
        if let Some(fate) = self.recent.get(&entry, expiry) {
            return duplicate_of(fate);
        }
        let log = match self.own(&target) {
            Ok(log) => log,
            Err(refused) => return refused,
        };
        if let Err(refused) = check_expiry(now, expiry, looked_up) {
            return refused;
        }
        if self.recent.is_full_for(&sender) {
            return busy("too many messages have not expired yet");
        }
        let admitted = check_size(size, log.message_bytes).and_then(|()| refuse_stopped(log));
        if let Err(refused) = admitted {
            // Refused once, it is told so again without another leaf.
            if let Decision::Final(refusal) = &refused {
                self.remember(entry, expiry, sender, Fate::Refused(refusal.code));
            }
            return refused;
        }
        if log.is_behind() {
            return busy("as many entries of the process wait for execution as its limit allows");
        }
        let assignment = self.assign(now, target, entry);
        let place = Place { process: target, slot: assignment.slot };
        self.remember(entry, expiry, sender, Fate::Assigned(place));
        Decision::Assigned(assignment)
    }
}
