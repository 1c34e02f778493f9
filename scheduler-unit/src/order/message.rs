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
        let log = match self.own(&target) {
            Ok(log) => log,
            Err(refused) => return refused,
        };
        if let Some(fate) = self.recent.get(&entry, expiry) {
            return duplicate_of(fate);
        }
        if let Err(refused) = check_expiry(now, expiry, looked_up)
            .and_then(|()| check_size(size, log.message_bytes))
            .and_then(|()| refuse_stopped(log))
        {
            return refused;
        }
        if log.is_behind() {
            return busy("as many entries of the process wait for execution as its limit allows");
        }
        if self.recent.is_full_for(&sender) {
            return busy("too many messages have not expired yet");
        }
        let assignment = self.assign(now, target, entry);
        let place = Place { process: target, slot: assignment.slot };
        self.remember(entry, expiry, sender, Fate::Assigned(place));
        Decision::Assigned(assignment)
    }
}
