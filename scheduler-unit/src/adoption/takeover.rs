//! Takeovers: the first slot of the new epoch, assigned here behind the last that counts.

use std::sync::Arc;

use protocol::{
    AssignmentProof, Change, Control, ControlAction, Entry, MerklePath, OriginProof, Refusal,
    RefusalCode, Slot, Source, Verified,
    api::{Adopted, Adoption, SubmitEvent},
    codec,
};
use tokio::sync::mpsc;

use super::bad_handover;
use crate::{
    order::{Checked, CheckedBody, Place},
    unit::Unit,
    verify::{Arrival, Event, Lane, Origin, Ready, refuse_storage},
};

impl Unit {
    /// Assigns a takeover, once the log is here up to the slot that it names; nothing if it is not yet,
    /// or if the control is a move.
    pub(super) async fn take_over(
        self: &Arc<Self>,
        adoption: &Adoption,
    ) -> Result<Option<Adopted>, Refusal> {
        let control = adoption.control.unverified();
        let ControlAction::Takeover { slot, .. } = control.action else { return Ok(None) };
        let process = control.target;
        let archive = Arc::clone(self.shards.archive(&process));
        let Some(known) = archive.board.process(&process) else { return Ok(None) };
        if known.head.next <= slot {
            return Ok(None);
        }
        if Some(known.head.next) != slot.next() {
            let detail = format!(
                "the log is here up to slot {}; once the units have executed that, take over there",
                known.head.next.get().saturating_sub(1)
            );
            return Err(bad_handover(detail));
        }
        // Here, as a refusal for good would need a log of this scheduler's.
        if control.expiry < self.clock.now() {
            return Err(Refusal::new(
                RefusalCode::Expired,
                "the takeover has expired; sign it again",
            ));
        }
        let place = Place { process, slot };
        let sealed = self.read(move |_| archive.proof(&place).map_err(refuse_storage)).await?;
        let sealed = sealed.ok_or_else(|| bad_handover("the slot it names is not here"))?;
        let change = Change {
            control: adoption.control.clone(),
            sealed: sealed.clone(),
            attested: Some(adoption.attested.clone()),
        };
        let mut source = Source::clone(&known.standing.source);
        let applied = source.apply(&process, &change, self.network);
        applied.map_err(|error| bad_handover(error.to_string()))?;
        let control = adoption.control.clone().verify(self.network);
        let control = control.map_err(|error| bad_handover(error.to_string()))?;
        let next = self.order_takeover(control, adoption, sealed).await?;
        Ok(Some(Adopted { next, done: true }))
    }

    /// Has the sequencer assign the control; the first slot behind it.
    async fn order_takeover(
        &self,
        control: Verified<Control>,
        adoption: &Adoption,
        sealed: AssignmentProof,
    ) -> Result<Slot, Refusal> {
        let process = control.body().target;
        // What shows that it is right stands beside it, in the form of a proof of origin.
        let proof = OriginProof {
            item: MerklePath { index: 0, count: 0, siblings: Vec::new() },
            receipts: adoption.attested.clone(),
            assignment: sealed,
            introduction: None,
            emitted: None,
        };
        let checked = Checked {
            id: control.entry_id(),
            entry: codec::encode(&Entry::Control(adoption.control.clone())).into(),
            origin: Some(Origin::Whole(codec::encode(&proof).into())),
            looked_up: self.clock.now(),
            body: CheckedBody::Control(Box::new(control)),
        };
        let stopping = || Refusal::new(RefusalCode::Stopping, "the unit is stopping");
        let share = Arc::clone(&self.memory).acquire_owned().await.map_err(|_| stopping())?;
        let (events, mut told) = mpsc::channel(1);
        let submissions = vec![(0, Ready::Checked(Box::new(checked)))];
        let (lane, share) = (Arc::new(Lane::new(events)), Arc::new(share));
        self.shards.of(&process).inbox.put(vec![Arrival { lane, submissions, share }]);
        match told.recv().await.ok_or_else(stopping)? {
            Event::Tell(SubmitEvent::Assigned { .. }, _) | Event::Known(..) => {
                Ok(self.next_of(&process))
            }
            Event::Tell(SubmitEvent::Refused { refusal, .. }, _) | Event::Old(_, _, refusal) => {
                Err(refusal)
            }
            Event::Tell(SubmitEvent::Final { entries, .. }, _) => {
                let last = entries.into_iter().next();
                let last = last.map(|entry| Refusal::new(entry.refusal.code, entry.detail));
                Err(last.unwrap_or_else(|| bad_handover("the takeover is refused")))
            }
            Event::Tell(SubmitEvent::Executed { .. } | SubmitEvent::Delivered { .. }, _) => {
                Err(stopping())
            }
        }
    }
}
