//! Controls: what the controller orders. One that changes scheduler, policy or controller ends its
//! epoch; a takeover begins one.

use protocol::{
    Control, ControlAction, ProvenanceError, Refusal, RefusalCode, Timestamp, Verified,
};

use super::{Decision, Fate, Order, Place, Undo, busy, check_expiry, check_size, duplicate_of};

impl Order {
    pub(super) fn handle_control(
        &mut self,
        now: Timestamp,
        control: &Verified<Control>,
        (size, looked_up): (usize, Timestamp),
    ) -> Decision {
        let Control { target, expiry, sender, .. } = *control.body();
        let takes_over = matches!(control.body().action, ControlAction::Takeover { .. });
        let log = match self.logs.get(&target) {
            // Whoever takes over does not order the log before.
            Some(log) if takes_over => log,
            _ => match self.own(&target) {
                Ok(log) => log,
                Err(refused) => return refused,
            },
        };
        if let Some(fate) = self.recent.get(&control.entry_id(), expiry) {
            return duplicate_of(fate);
        }
        if let Err(refused) =
            check_expiry(now, expiry, looked_up).and_then(|()| check_size(size, log.message_bytes))
        {
            return refused;
        }
        if self.recent.is_full_for(&sender) {
            return busy("too many controls have not expired yet");
        }
        if let ControlAction::Takeover { slot, chain, .. } = &control.body().action
            && (slot.next() != Some(log.head.next) || *chain != log.head.chain)
        {
            let detail = "the log does not end where the takeover says";
            return Decision::Refused(Refusal::new(RefusalCode::BadHandover, detail));
        }
        if let Err(error) = log.standing.source.permits(control.body()) {
            return self.forbid(control, error);
        }
        Decision::Assigned(self.obey(now, control))
    }

    fn obey(&mut self, now: Timestamp, control: &Verified<Control>) -> protocol::Assignment {
        let Control { target, expiry, sender, ref action, .. } = *control.body();
        let log = self.logs.get(&target).expect("the caller has looked the log up");
        let (before, slot) = (log.standing.clone(), log.head.next);
        let after = before.after(&target, control.body(), slot);
        self.undo.push(Undo::Standing(target, before));
        let stands = |order: &mut Self, after| {
            let log = order.logs.get_mut(&target).expect("the caller has looked the log up");
            log.standing = after;
        };
        // The slot of a takeover is in the epoch that it begins, that of others in the one they end.
        let assignment = if matches!(action, ControlAction::Takeover { .. }) {
            stands(self, after);
            self.assign(now, target, control.entry_id())
        } else {
            let assignment = self.assign(now, target, control.entry_id());
            stands(self, after);
            assignment
        };
        let place = Place { process: target, slot: assignment.slot };
        self.remember(control.entry_id(), expiry, sender, Fate::Assigned(place));
        assignment
    }

    /// What the present controller or policy forbids is refused for good, for the id is remembered
    /// until the control has expired.
    fn forbid(&mut self, control: &Verified<Control>, error: ProvenanceError) -> Decision {
        let code = match error {
            ProvenanceError::NotController => RefusalCode::NotController,
            _ => RefusalCode::BadPolicy,
        };
        let Control { expiry, sender, .. } = *control.body();
        self.remember(control.entry_id(), expiry, sender, Fate::Refused(code));
        Decision::Final(Refusal::new(code, error.to_string()))
    }
}
