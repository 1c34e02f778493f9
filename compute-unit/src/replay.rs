//! A process executed by whoever wants to know, from slot 0 or from a checkpoint: what an auditor
//! runs, trusting no unit. The code is that of a unit; the log is the caller's to check.

use std::{collections::HashMap, sync::Arc};

use protocol::{
    Assignment, Checkpoint, Entry, FailureKind, Gas, Hash, HostTable, ModuleId, Outcome, PageProof,
    Position, ProcessId, ReceiptLeaf, Reply, Slot, Spawn, State, Timer, abi::SavedState,
};

use crate::{
    CompiledModule, HostFault, Successor,
    checkpoint::{self, Kind},
    database::StoreError,
    memory::{STATE_PAGE, prove},
    process::{Process, pairs},
};

/// A process at a slot.
#[derive(Debug)]
pub struct Replay {
    process: Process,
    position: Option<Position>,
}

/// What a slot came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The outcome.
    pub outcome: Outcome,
    /// What an honest unit's receipt states.
    pub leaf: ReceiptLeaf,
}

/// Why a checkpoint cannot be replayed from.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The checkpoint, or a part of it, is missing or not what it must be.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(String),
    /// This machine failed.
    #[error(transparent)]
    Host(#[from] HostFault),
}

impl Replay {
    /// A process that has executed nothing yet.
    ///
    /// # Errors
    ///
    /// If this machine cannot hold it.
    pub fn new(
        id: ProcessId,
        spawn: Spawn,
        module: &Arc<CompiledModule>,
    ) -> Result<Self, HostFault> {
        Ok(Self { process: Process::new(id, spawn, module)?, position: None })
    }

    /// The process that a checkpoint holds, whose pages, nodes and chunks are at hand by their
    /// names. All of them are read, and checked against their names and the memory's root.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] says what is missing or wrong.
    pub fn restore(
        checkpoint: Checkpoint,
        blobs: HashMap<Hash, Vec<u8>>,
        module: &Arc<CompiledModule>,
    ) -> Result<Self, ReplayError> {
        let position = checkpoint.position;
        let broken = |error: StoreError| ReplayError::Checkpoint(error.to_string());
        let blobs = Arc::new(AtHand(blobs));
        let root = checkpoint::state_root(&*blobs, &checkpoint).map_err(broken)?;
        let restored = checkpoint::restore(&blobs, checkpoint).map_err(broken)?;
        let damaged = |fault| match fault {
            HostFault::Damaged => ReplayError::Checkpoint("a page is missing or wrong".to_owned()),
            fault => fault.into(),
        };
        let mut process = Process::restore(restored, module).map_err(damaged)?;
        // Hashed as a whole: what the checkpoint says of its pages is not believed.
        let state = process.state().map_err(damaged)?;
        let memory = process.memory().map(Hash::of_blob);
        let computed = state.zip(memory).map(|(state, memory)| State { memory, ..state }.root());
        if computed != root {
            let reason = "its pages are others than its root says".to_owned();
            return Err(ReplayError::Checkpoint(reason));
        }
        Ok(Self { process, position: Some(position) })
    }

    /// The module that must be at hand to execute an entry next: that of an upgrade.
    pub fn upgrade_of(&self, entry: &Entry) -> Option<ModuleId> {
        self.process.upgrade_of(entry)
    }

    /// Executes the next slot. The caller has checked that the assignment is the next of this
    /// process, and that the entry is the one it names, and brings the module that
    /// [`Self::upgrade_of`] names. Must run on a thread with [`crate::THREAD_STACK_BYTES`] of stack.
    ///
    /// # Errors
    ///
    /// If this machine failed.
    pub fn execute(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
        successor: Option<&Successor>,
    ) -> Result<Replayed, HostFault> {
        let executed = self.process.execute_with(assignment, entry, successor)?;
        let Assignment { slot, epoch, time, chain, .. } = *assignment;
        self.position = Some(Position { slot, epoch, time, chain });
        Ok(Replayed { outcome: executed.outcome, leaf: executed.leaf })
    }

    /// Answers a view on the state after the last slot executed. Must run where slots are executed.
    ///
    /// # Errors
    ///
    /// If this machine failed.
    pub fn view(&mut self, method: &str, args: &[u8]) -> Result<Reply, HostFault> {
        self.process.view(method, args)
    }

    /// The state after the last slot executed as its module would save it for another, which tells
    /// people more than memory does; else why the module does not. Must run where slots are executed.
    ///
    /// # Errors
    ///
    /// If this machine failed.
    pub fn saved(&mut self) -> Result<Result<SavedState, FailureKind>, HostFault> {
        self.process.saved()
    }

    /// Lets another module go on, as if the controller had ordered it at the end of the last slot:
    /// with its migration, or with the memory image if `raw`. Gives what the upgrade says, and its gas;
    /// after a failure the present module goes on. No log says so: what follows is a supposition.
    /// Must run where slots are executed.
    ///
    /// # Errors
    ///
    /// If this machine failed.
    pub fn suppose(&mut self, successor: &Successor, raw: bool) -> Result<(Reply, Gas), HostFault> {
        self.process.replace(successor, raw)
    }

    /// What the process waits for the time of: timers, and the deadlines of asks and births.
    pub fn agenda(&self) -> Vec<Timer> {
        self.process.agenda()
    }

    /// The slot to execute next.
    pub fn next(&self) -> Slot {
        self.position.map_or(Slot::ZERO, |position| position.slot.next().unwrap_or(position.slot))
    }

    /// The last slot executed.
    pub const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// What the state root commits to; none of a process that was not born.
    ///
    /// # Errors
    ///
    /// If this machine failed.
    pub fn state(&mut self) -> Result<Option<State>, HostFault> {
        self.process.state()
    }

    /// The memory, of which `b3sum` gives the memory root; none of a process that was not born.
    pub fn memory(&mut self) -> Option<&[u8]> {
        self.process.memory()
    }

    /// The host table, which proves its keys.
    pub const fn table(&self) -> &HostTable {
        self.process.table()
    }

    /// The key under which the host table has how far the pair with a target is.
    pub fn pair_key(target: &ProcessId) -> Vec<u8> {
        pairs::key(target).to_vec()
    }

    /// The bytes of a page that [`Self::page_proof`] is about.
    pub fn page(&mut self, page: u32) -> Option<&[u8]> {
        let (pages, _) = self.process.memory()?.as_chunks::<STATE_PAGE>();
        pages.get(usize::try_from(page).ok()?).map(<[u8; STATE_PAGE]>::as_slice)
    }

    /// Shows a page of the memory to be in its root; none if there is no such page.
    pub fn page_proof(&mut self, page: u32) -> Option<PageProof> {
        prove(self.process.memory()?, page)
    }

    /// Bytes of a page that [`Self::page_proof`] is about.
    pub const PAGE_BYTES: usize = STATE_PAGE;
}

/// Blobs by their names.
struct AtHand(HashMap<Hash, Vec<u8>>);

impl checkpoint::Blobs for AtHand {
    fn read(&self, _: Kind, address: &Hash) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Checkpoint(format!("the blob {address} is missing"));
        let blob = self.0.get(address).ok_or_else(missing)?;
        if Hash::of_blob(blob) != *address {
            return Err(StoreError::Checkpoint(format!("the blob {address} is another one")));
        }
        Ok(blob.clone())
    }
}
