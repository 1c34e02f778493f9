//! What a compute unit stores and hands out of a process's state after a slot.
//!
//! A checkpoint is a list of addresses: memory pages, the nodes above them and pieces of the host
//! table are blobs of their own, each stored once under its plain BLAKE3 hash. A unit signs a
//! [`StateStatement`] of a checkpoint; whoever fetches one checks every blob against its address,
//! and the whole against the state root.

mod memory;
mod table;

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, Epoch, FailureKind, GlobalValue, Hash, HostTable, Kind, ModuleId, NetworkId,
    ProcessId, PublicKey, Slot, Spawn, State, Timestamp, UnitId, V1,
    codec::{self, DecodeError},
};

pub use memory::{MemoryIndex, MemoryNode, PageEntry};
pub use table::HostTableIndex;

/// A place in a log, with all that executing the next slot needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Position {
    /// The last slot executed.
    #[n(0)]
    pub slot: Slot,
    /// The epoch of that slot.
    #[n(1)]
    pub epoch: Epoch,
    /// The time of that slot.
    #[n(2)]
    pub time: Timestamp,
    /// The chain hash of that slot.
    #[n(3)]
    pub chain: Hash,
}

/// A process after a slot: enough to execute the next one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Checkpoint {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// The process.
    #[n(1)]
    pub process: ProcessId,
    /// The bytes of its [`Spawn`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub spawn: Vec<u8>,
    /// After which slot.
    #[n(3)]
    pub position: Position,
    /// The digest of that slot's receipt leaf, [`crate::ReceiptLeaf::digest`].
    #[n(4)]
    pub previous: Hash,
    /// The state.
    #[n(5)]
    pub state: CheckpointState,
    /// The module that an upgrade has brought; absent while it is that of the spawn.
    #[n(6)]
    pub module: Option<ModuleId>,
}

/// Where the state of a process is found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum CheckpointState {
    /// It was born.
    #[n(0)]
    Live {
        /// Its memory.
        #[n(0)]
        memory: MemoryIndex,
        /// Its mutable globals, by index.
        #[n(1)]
        globals: Vec<GlobalValue>,
        /// Its host table.
        #[n(2)]
        host_table: HostTableIndex,
    },
    /// It failed to be born, and has no state. Its host table, which is absent if it is empty, counts
    /// what it has answered to others.
    #[n(1)]
    Dead(#[n(0)] FailureKind, #[n(1)] Option<HostTableIndex>),
}

/// A compute unit's word for a state, and for the checkpoint it is found in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StateStatement {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A state statement.
    #[n(1)]
    pub kind: Kind<10>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// Who executed.
    #[n(3)]
    pub unit: UnitId,
    /// The process.
    #[n(4)]
    pub process: ProcessId,
    /// After which slot.
    #[n(5)]
    pub position: Position,
    /// The digest of that slot's receipt leaf.
    #[n(6)]
    pub previous: Hash,
    /// The state root; absent for a process that failed to be born.
    #[n(7)]
    pub state_root: Option<Hash>,
    /// The plain BLAKE3 hash of the encoded [`Checkpoint`].
    #[n(8)]
    pub checkpoint: Hash,
}

/// Why a checkpoint, or what it leads to, is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// A blob is not at hand.
    #[error("the blob {0} is missing")]
    Missing(Hash),
    /// A blob is not what its address says.
    #[error("the bytes of blob {0} are others than its address says")]
    Address(Hash),
    /// Pages are not what their chaining value says.
    #[error("the chaining value of blob {0} is not that of its contents")]
    ChainingValue(Hash),
    /// Bytes are not what they should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A rule of the format is broken.
    #[error("{0}")]
    Shape(&'static str),
}

impl Checkpoint {
    /// The plain BLAKE3 hash of the encoded checkpoint.
    pub fn address(&self) -> Hash {
        Hash::of_blob(&codec::encode(self))
    }

    /// The spawn, which names the first module and the profile.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if it is not the spawn of the process.
    pub fn spawn(&self) -> Result<Spawn, CheckpointError> {
        if Domain::Spawn.digest(&[&self.spawn]).as_bytes() != self.process.as_bytes() {
            return Err(CheckpointError::Shape("the spawn is that of another process"));
        }
        Ok(codec::decode(&self.spawn)?)
    }

    /// What the state root commits to; nothing for a process that failed to be born.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if spawn or memory index are malformed.
    pub fn state(&self, host_table: &HostTable) -> Result<Option<State>, CheckpointError> {
        let CheckpointState::Live { memory, globals, .. } = &self.state else {
            return Ok(None);
        };
        let spawn = self.spawn()?;
        Ok(Some(State {
            memory: memory.memory_root().ok_or(memory::SHAPE)?,
            globals: globals.clone(),
            host_table: host_table.root(),
            profile: spawn.profile,
            module: self.module.unwrap_or(spawn.module),
        }))
    }
}

impl StateStatement {
    /// The checkpoint of this statement. That its state has the stated root shows when its host
    /// table is read: [`Checkpoint::state`].
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if the bytes are another checkpoint, or say something else.
    pub fn checkpoint_from(&self, bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
        if Hash::of_blob(bytes) != self.checkpoint {
            return Err(CheckpointError::Address(self.checkpoint));
        }
        let checkpoint: Checkpoint = codec::decode(bytes)?;
        let same = checkpoint.process == self.process
            && checkpoint.position == self.position
            && checkpoint.previous == self.previous
            && matches!(checkpoint.state, CheckpointState::Live { .. })
                == self.state_root.is_some();
        if same {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Shape("the checkpoint says something else than the statement"))
        }
    }
}

impl Body for StateStatement {
    const DOMAIN: Domain = Domain::StateStatement;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.unit
    }
}

#[cfg(test)]
mod tests;
