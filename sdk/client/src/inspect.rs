//! Looking closely: how an entry's place is proven, and what one unit says of itself.

use std::time::Duration;

use protocol::{
    Assignment, AssignmentProof, EntryId, RefusalProof, Role, Source, UnitId,
    api::{Request, UnitStatus},
};
use tokio::time::timeout;

use crate::{Client, ClientError};

impl Client {
    /// The proof of an assignment that a log or a search showed, checked.
    ///
    /// # Errors
    ///
    /// What the scheduler says, or [`ClientError::Unverified`] if it proves something else.
    pub async fn proof(&self, assignment: &Assignment) -> Result<AssignmentProof, ClientError> {
        let process = assignment.process;
        let request = Request::Proof { process, slot: assignment.slot };
        let read = |_: UnitId, source: &Source, proof: AssignmentProof| {
            self.inner.checker.assignment((process, assignment.entry), source, &proof)?;
            if proof.assignment == *assignment {
                Ok(proof)
            } else {
                let what = "the scheduler proves another assignment than it shows";
                Err(ClientError::unverified(what))
            }
        };
        self.ask_schedulers(process, &request, read).await
    }

    /// The proof that an entry was refused for good, checked.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `not-found` if no scheduler that answers has refused it so.
    pub async fn refusal(&self, entry: EntryId) -> Result<RefusalProof, ClientError> {
        let take = |proof: &RefusalProof| {
            if proof.refusal.entry == entry {
                Ok(proof.clone())
            } else {
                Err(ClientError::unverified("the refusal is of another entry"))
            }
        };
        let proof = self.first_of(Role::Scheduler, Request::Refused(entry), take).await?;
        let process = proof.refusal.process;
        let described = self.describe(process).await?;
        let checker = &self.inner.checker;
        if checker.refusal((process, entry), &described.source, &proof).is_err() {
            let described = self.describe_again(process).await?;
            checker.refusal((process, entry), &described.source, &proof)?;
        }
        Ok(proof)
    }

    /// What a unit says of itself, if it says it soon enough.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreachable`] if it cannot be connected or the time is up.
    pub async fn status_of(
        &self,
        unit: UnitId,
        limit: Duration,
    ) -> Result<UnitStatus, ClientError> {
        let late = |_| Err(ClientError::unreachable(format!("{unit} does not answer")));
        timeout(limit, self.ask(unit, &Request::Status)).await.unwrap_or_else(late)
    }
}
