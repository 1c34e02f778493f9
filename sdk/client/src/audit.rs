//! Asking one unit by name, for whoever compares what units say: outcomes, checkpoints and their
//! parts.

use protocol::{
    Checkpoint, Hash, ProcessId, Signed, Slot, StateStatement, UnitId,
    api::{Blobs, CheckpointAnswer, OutcomePage, Request},
};

use crate::{Client, ClientError};

impl Client {
    /// Outcomes of a process from a slot on that one unit has, each with a receipt of the process's
    /// policy. The page ends before a slot whose outcome does not hold.
    ///
    /// # Errors
    ///
    /// What the unit says, or [`ClientError::Unverified`] if the first outcome does not hold.
    pub async fn outcomes_of(
        &self,
        unit: UnitId,
        process: ProcessId,
        from: Slot,
        limit: u32,
    ) -> Result<OutcomePage, ClientError> {
        let described = self.describe(process).await?;
        let request = Request::Outcomes { process, from, limit };
        let mut page: OutcomePage = self.ask(unit, &request).await?;
        page.executed.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        match self.inner.checker.outcomes(process, &described.source, from, &page) {
            (0, Err(error)) => Err(error),
            (count, _) => {
                page.executed.truncate(count);
                Ok(page)
            }
        }
    }

    /// The newest checkpoint of a process that one unit has, after a slot at the latest, with the
    /// unit's word for it. What it leads to is for the caller to check.
    ///
    /// # Errors
    ///
    /// What the unit says, or [`ClientError::Unverified`].
    pub async fn checkpoint_of(
        &self,
        unit: UnitId,
        process: ProcessId,
        at: Slot,
    ) -> Result<(Signed<StateStatement>, Checkpoint), ClientError> {
        let described = self.describe(process).await?;
        let request = Request::Checkpoint { process, at: Some(at) };
        let answer: CheckpointAnswer = self.ask(unit, &request).await?;
        let said = answer.statement.unverified();
        if said.unit != unit || !described.source.policy().units.contains(&unit) {
            return Err(ClientError::unverified(
                "the state is stated by another unit than one of the process's policy",
            ));
        }
        if said.process != process || said.position.slot > at {
            return Err(ClientError::unverified("the checkpoint answers another question"));
        }
        self.inner.checker.signed(&answer.statement)?;
        let checkpoint =
            said.checkpoint_from(&answer.checkpoint).map_err(ClientError::unverified)?;
        checkpoint.spawn().map_err(ClientError::unverified)?;
        Ok((answer.statement, checkpoint))
    }

    /// Parts of checkpoints of a process that one unit has, in the order of their addresses; at
    /// most [`protocol::api::BLOBS_MAX`].
    ///
    /// # Errors
    ///
    /// What the unit says, or [`ClientError::Unverified`] if a part is not what its address says.
    pub async fn blobs_of(
        &self,
        unit: UnitId,
        process: ProcessId,
        addresses: Vec<Hash>,
    ) -> Result<Vec<Vec<u8>>, ClientError> {
        let request = Request::Blobs { process, addresses: addresses.clone() };
        let answer: Blobs = self.ask(unit, &request).await?;
        let same = answer.blobs.len() == addresses.len()
            && answer.blobs.iter().zip(&addresses).all(|(blob, name)| Hash::of_blob(blob) == *name);
        if !same {
            return Err(ClientError::unverified("a part of a checkpoint is another one"));
        }
        Ok(answer.blobs.into_iter().map(Vec::from).collect())
    }
}
