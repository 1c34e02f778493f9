//! Messages of clients: their signatures cost most of all, so the checks of many are finished together.

use bytes::Bytes;
use protocol::{Entry, Message, Timestamp, Verified, Verifying, api::Submission};

use super::{Ready, Refusal, Said, Verifier, refuse_signature};
use crate::order::{Checked, CheckedBody, may_precede};

/// An expiry this near may be past when the entry is decided, in milliseconds.
const NEAR: u64 = 5_000;

/// What became of a submission at first.
enum Step {
    /// The next of the begun checks is that of its message, of these bytes.
    Begun(Bytes),
    Done(Ready),
}

impl Verifier {
    /// Verifies submissions at an instant.
    pub(crate) fn verify(&self, now: Timestamp, said: Vec<Said>) -> Vec<Ready> {
        let mut begun = Vec::new();
        let steps: Vec<Step> =
            said.into_iter().map(|said| self.begin(now, said, &mut begun)).collect();
        let mut finished = Verifying::finish(begun);
        let finish = |step| match step {
            Step::Done(ready) => ready,
            Step::Begun(bytes) => finished
                .next()
                .expect("each begun check is finished")
                .map_err(refuse_signature)
                .and_then(|message| self.admit_message(now, message, bytes))
                .unwrap_or_else(Ready::Refused),
        };
        steps.into_iter().map(finish).collect()
    }

    fn begin(&self, now: Timestamp, said: Said, begun: &mut Vec<Verifying<Message>>) -> Step {
        let Submission { entry: Entry::Message(message), origin: None, .. } = said.submission
        else {
            return Step::Done(self.check(now, said).unwrap_or_else(Ready::Refused));
        };
        match message.begin_verifying(self.network, |key| self.keys.ready(key)) {
            Ok(message) => {
                begun.push(message);
                Step::Begun(said.entry_bytes)
            }
            Err(error) => Step::Done(Ready::Refused(refuse_signature(error))),
        }
    }

    fn admit_message(
        &self,
        now: Timestamp,
        verified: Verified<Message>,
        bytes: Bytes,
    ) -> Result<Ready, Refusal> {
        let Message { sender, expiry, target, .. } = *verified.body();
        self.check_listed(&sender)?;
        let due = may_precede(expiry, self.started)
            || expiry <= now.saturating_add(NEAR)
            || self.shards.archive(&target).board.may_be_imported(&target, expiry);
        let looked_up = if due { now } else { Timestamp::ZERO };
        let (id, body) = (verified.entry_id(), CheckedBody::Message(Box::new(verified)));
        self.look_up_first(Checked { id, entry: bytes, origin: None, looked_up, body })
    }
}
