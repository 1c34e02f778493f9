//! Signatures of a piece of a log, checked on all cores: they are what an audit takes longest for.

use std::{ops::Range, sync::Arc};

use protocol::{
    Body, Entry, EntryId, Hash, ItemBody, NetworkId, Principal, ProcessId, PublicKey, Signed,
    Spawn, VerifyError, api::LogRecord, codec,
};
use tokio::{runtime::Handle, task::JoinHandle};

use crate::error::NodeError;

/// The first record of a piece whose signature does not hold, and why.
type Found = Option<(usize, String)>;

/// Signatures that are being checked.
#[derive(Debug)]
pub(super) struct Checks(Vec<JoinHandle<Found>>);

impl Checks {
    /// Begins to check the signatures of records whose ids were compared already.
    pub(super) fn start(network: NetworkId, records: &Arc<Vec<LogRecord>>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = records.len().div_ceil(cores).max(1);
        let pieces = (0..records.len()).step_by(share).map(|from| {
            let (records, to) =
                (Arc::clone(records), records.len().min(from.saturating_add(share)));
            tokio::task::spawn_blocking(move || first_bad(network, &records, from..to))
        });
        Self(pieces.collect())
    }

    /// Waits for all of them, on a thread that is none of the runtime's; gives the first record
    /// whose signature does not hold.
    pub(super) fn finish(self, runtime: &Handle) -> Result<Found, NodeError> {
        for piece in self.0 {
            let found = runtime.block_on(piece).map_err(NodeError::system)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn first_bad(network: NetworkId, records: &[LogRecord], piece: Range<usize>) -> Found {
    let pieces = records.get(piece.clone()).unwrap_or_default();
    piece
        .zip(pieces)
        .find_map(|(index, record)| check(network, record).err().map(|what| (index, what)))
}

/// Checks what an entry carries with it. The proof of a delivery's origin is not kept in logs that
/// are read slot by slot.
pub(super) fn check(network: NetworkId, record: &LogRecord) -> Result<(), String> {
    let id = &record.assignment.entry;
    match &record.entry {
        Entry::Spawn(spawn) => {
            signed(network, spawn, id, "spawn")?;
            accepted(network, spawn.unverified())
        }
        Entry::Message(message) => signed(network, message, id, "message"),
        Entry::Control(control) => signed(network, control, id, "control"),
        Entry::Answer(answer) => {
            let statement = &answer.statement;
            let held = statement.verify_by(network, &statement.digest(), PublicKey::verifies);
            held.map_err(|error| told("answer", error))
        }
        Entry::Delivery(delivery) => match &delivery.item.body {
            ItemBody::Spawn(bytes, _) => wanted(network, delivery.source, bytes),
            _ => Ok(()),
        },
        Entry::Skip(_) | Entry::Timer(_) => Ok(()),
    }
}

/// Checks the spawn of a child against its parent.
fn wanted(network: NetworkId, parent: ProcessId, bytes: &[u8]) -> Result<(), String> {
    let spawn: Spawn = codec::decode(bytes).map_err(|error| format!("the spawn: {error}"))?;
    spawn.check().map_err(|rule| format!("the spawn breaks a rule: {rule}"))?;
    if spawn.network != network || spawn.sender != Principal::Process(parent) {
        return Err("the spawn does not name this network and its parent".to_owned());
    }
    accepted(network, &spawn)
}

fn accepted(network: NetworkId, spawn: &Spawn) -> Result<(), String> {
    let accepted = spawn.policy.units.contains(&spawn.acceptance.unit)
        && spawn.acceptance.holds(network, &spawn.module, &spawn.profile);
    accepted.then_some(()).ok_or_else(|| "no unit of the policy accepted the module".to_owned())
}

/// Checks a body whose digest is the id of its entry.
fn signed<T: Body>(
    network: NetworkId,
    signed: &Signed<T>,
    id: &EntryId,
    kind: &str,
) -> Result<(), String> {
    let digest = Hash::from_bytes(*id.as_bytes());
    signed.verify_by(network, &digest, PublicKey::verifies).map_err(|error| told(kind, error))
}

fn told(kind: &str, error: VerifyError) -> String {
    match error {
        VerifyError::BadSignature => format!("the signature of the {kind} does not hold"),
        VerifyError::BadBody(rule) => format!("the {kind} breaks a rule: {rule}"),
        error => format!("the {kind} is {error}"),
    }
}

#[cfg(test)]
mod tests;
