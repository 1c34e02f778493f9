//! Looking closely: how an entry's place is proven, and what one unit says of itself.

use std::time::Duration;

use protocol::{
    Assignment, AssignmentProof, UnitId,
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
        let described = self.describe(process).await?;
        let request = Request::Proof { process, slot: assignment.slot };
        let proof: AssignmentProof = self.ask(described.source.scheduler(), &request).await?;
        let place = (process, assignment.entry);
        self.inner.checker.assignment(place, &described.source, &proof)?;
        if proof.assignment == *assignment {
            Ok(proof)
        } else {
            Err(ClientError::unverified("the scheduler proves another assignment than it shows"))
        }
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
