//! Who a process is, from what its compute units were given: for a process whose scheduler is lost,
//! and of which no other scheduler knows.

use std::time::Duration;

use protocol::{
    AssignmentProof, Change, ControlAction, Entry, MerkleTree, OriginProof, ProcessId, Provenance,
    Receipt, Role, Slot, UnitId,
    api::{Opening, TailFrame, TailRecord},
    codec,
};
use tokio::time::timeout;

use crate::{
    Client, ClientError, Described,
    client::{CONNECT_TIMEOUT, more_telling},
};

/// How long a unit may take for the next frame of a log.
const FRAME_TIME: Duration = Duration::from_secs(10);

/// What a log says so far of who the process is.
#[derive(Debug, Default)]
struct Gathered {
    spawn: Option<Vec<u8>>,
    changes: Vec<Change>,
    /// The slot read last, with the frame it stands in.
    last: Option<(TailRecord, TailFrame)>,
}

impl Client {
    /// Tells who orders and executes a process, by the schedulers, or else by a log that a compute
    /// unit was given. All of it is proven; but that a unit was given nothing newer is not.
    ///
    /// # Errors
    ///
    /// Why nobody could tell.
    pub async fn recover(
        &self,
        process: ProcessId,
    ) -> Result<std::sync::Arc<Described>, ClientError> {
        let mut worst = match self.describe_again(process).await {
            Err(error) if error.is_of_the_place() => error,
            described => return described,
        };
        for unit in self.directory().units(Role::Compute) {
            match self.read_from(unit, process).await {
                Ok(described) => return Ok(self.inner.locations.learn(process, described)),
                Err(error) => worst = more_telling(worst, error),
            }
        }
        Err(worst)
    }

    /// Reads the log that a unit has, for what changed who the process is.
    async fn read_from(&self, unit: UnitId, process: ProcessId) -> Result<Described, ClientError> {
        let connected = self.inner.peers.peer(unit).connection_within(CONNECT_TIMEOUT).await;
        let connection = connected.map_err(ClientError::unreachable)?;
        let opening = codec::encode(&Opening::Log { process, from: Slot::ZERO });
        let opened = connection.open_stream(&opening).await;
        let (_sender, mut receiver) = opened.map_err(ClientError::unreachable)?;
        let mut gathered = Gathered::default();
        loop {
            let late = |_| ClientError::unreachable(format!("{unit} gives no more of the log"));
            let frame = timeout(FRAME_TIME, receiver.recv()).await.map_err(late)?;
            let Some(bytes) = frame.map_err(ClientError::unreachable)? else { break };
            let frame = codec::decode(&bytes).map_err(ClientError::unverified)?;
            gathered.take(process, frame)?;
        }
        let detail = format!("{unit} does not have the log of {process}");
        let spawn = gathered.spawn.ok_or_else(|| ClientError::unreachable(detail))?;
        let provenance = Provenance { spawn, changes: gathered.changes };
        Described::read(self.network(), process, provenance)
    }
}

impl Gathered {
    fn take(&mut self, process: ProcessId, frame: TailFrame) -> Result<(), ClientError> {
        let bare = TailFrame { records: Vec::new(), refusals: None, ..frame };
        for record in frame.records.into_iter().filter(|one| one.assignment.process == process) {
            let entry: Entry = codec::decode(&record.entry).map_err(ClientError::unverified)?;
            if let Some(spawn) = entry.spawn_bytes() {
                self.spawn = Some(spawn.to_vec());
            }
            match entry {
                Entry::Control(control) if control.unverified().action.ends_epoch() => {
                    let taken_over =
                        matches!(control.unverified().action, ControlAction::Takeover { .. });
                    let sealed = match (&self.last, taken_over) {
                        (Some((last, frame)), true) => proof(last, frame),
                        (None, true) => None,
                        (_, false) => proof(&record, &bare),
                    };
                    let what = "the control that ends an epoch is not in its batch";
                    let sealed = sealed.ok_or_else(|| ClientError::unverified(what))?;
                    let attested = taken_over.then(|| receipts(&record));
                    self.changes.push(Change { control, sealed, attested });
                }
                _ => {}
            }
            self.last = Some((record, bare.clone()));
        }
        Ok(())
    }
}

/// The proof of a record's assignment.
fn proof(record: &TailRecord, frame: &TailFrame) -> Option<AssignmentProof> {
    let path = MerkleTree::new(frame.leaves.clone()).path(record.index)?;
    Some(AssignmentProof { assignment: record.assignment, path, batch: frame.batch.clone() })
}

/// The receipts that came with a takeover.
fn receipts(record: &TailRecord) -> Vec<Receipt> {
    let origin = record.origin.as_ref().map(|bytes| codec::decode::<OriginProof>(bytes));
    origin.and_then(Result::ok).map(|origin| origin.receipts).unwrap_or_default()
}

#[cfg(test)]
mod tests;
