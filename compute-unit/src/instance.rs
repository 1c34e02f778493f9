//! One resident actor: executes slots, rolls back the ones that fail, answers views.
//!
//! # Invariants
//!
//! - After a [`Fault`], memory (its size too) and globals are as before the call.
//! - A view leaves no trace.
//! - After a [`HostFault`] the instance is of no more use, and no outcome was made.

mod machine;
mod mark;
mod rollback;
mod slices;

use std::sync::Arc;

use protocol::{GlobalValue, Hash, Limits};

use crate::{
    memory::{Marked, MemoryTree, PageSet, PageSource, STATE_PAGE},
    module::CompiledModule,
};
use machine::Machine;
use mark::{Mark, host};
use rollback::{Input, Rollback};

pub use slices::{Pause, Stopped};

pub(crate) use machine::{HostState, next_slice};

/// Bytes in a page of linear memory.
pub const PAGE_BYTES: usize = 65_536;

/// Which export of the guest contract is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// `antiphon_handle`.
    Handle,
    /// `antiphon_view`.
    View,
    /// `antiphon_save`.
    Save,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The bytes the guest gave back, or why it gave none.
    pub result: Result<Vec<u8>, Fault>,
    /// The gas the call used, at most its limit; all of it if it ran out.
    pub gas_used: u64,
}

/// Why a call failed: equal on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The guest trapped.
    #[error("the actor trapped")]
    Trap,
    /// The gas limit was reached.
    #[error("the actor ran out of gas")]
    OutOfGas,
    /// The guest trapped after it was refused more memory.
    #[error("the actor trapped after it was refused more memory than its limit")]
    OutOfMemory,
    /// Calls were nested too deep.
    #[error("the actor's calls were nested too deep")]
    StackOverflow,
    /// `antiphon_alloc` gave a place outside of the memory.
    #[error("antiphon_alloc gave a place outside of the memory")]
    BadAllocation,
    /// The guest gave back a place outside of the memory.
    #[error("the actor's output is outside of its memory")]
    BadOutput,
    /// The guest gave back more than its process's limits allow.
    #[error("the actor's output is larger than its process's limits allow")]
    OutputTooLarge,
    /// The caller did not take the output.
    #[error("the actor's output was not taken")]
    Refused,
}

/// A fault of this unit, never part of an outcome: another unit may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// The machine has no memory left for the instance.
    #[error("this unit has no memory left for the process")]
    Memory,
    /// The native stack ended before the weighted depth did.
    #[error("the native stack of this unit is too small for the profile")]
    NativeStack,
    /// The engine failed in a way that no module can cause.
    #[error("the engine of this unit failed")]
    Engine,
    /// Executing the same inputs again gave something else.
    #[error("executing the same inputs again gave another result")]
    Replay,
    /// A page of a checkpoint could not be read.
    #[error("the checkpoint that the process was restored from is damaged")]
    Damaged,
    /// Nobody has brought the module that an upgrade names.
    #[error("the module of an upgrade is not at hand")]
    NoModule,
    /// The unit stops and ended the call between two slices.
    #[error("the unit stops before the call has ended")]
    Stopped,
    /// An earlier fault made the instance useless.
    #[error("the instance was given up after an earlier fault of this unit")]
    GivenUp,
}

/// Why a process could not be born.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The module starts with more memory than the process may have: so on every machine.
    #[error(
        "the module starts with {pages} pages of memory, of which the process may have {limit}"
    )]
    MemoryLimit {
        /// Pages the module starts with.
        pages: u32,
        /// Pages the process may have.
        limit: u32,
    },
    /// This unit failed.
    #[error(transparent)]
    Host(#[from] HostFault),
}

/// The state of a process that its module holds.
#[derive(Debug)]
pub struct StateImage<'a> {
    /// The linear memory.
    pub memory: &'a [u8],
    /// The mutable globals, by index.
    pub globals: Vec<GlobalValue>,
}

/// The state of an instance that a checkpoint holds: its memory's pages are read as they are needed.
pub(crate) struct Image {
    /// The size of the memory.
    pub(crate) bytes: usize,
    /// The mutable globals, by index.
    pub(crate) globals: Vec<GlobalValue>,
    /// Where pages come from.
    pub(crate) pages: Arc<dyn PageSource>,
    /// The tree of the memory.
    pub(crate) tree: MemoryTree,
}

/// What changed of an instance since its last snapshot.
pub(crate) struct Snapshot {
    /// The size of the memory.
    pub(crate) bytes: usize,
    /// The mutable globals, by index.
    pub(crate) globals: Vec<GlobalValue>,
    /// The pages that changed, in order.
    pub(crate) pages: Vec<(u32, Box<[u8]>)>,
    /// The tree of the memory.
    pub(crate) tree: MemoryTree,
}

/// A resident actor.
pub struct Instance {
    limits: Limits,
    machine: Machine,
    rollback: Rollback,
    tree: MemoryTree,
    usable: bool,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("usable", &self.usable).finish_non_exhaustive()
    }
}

impl Instance {
    /// Makes the state before slot 0: the genesis image, nothing executed.
    ///
    /// # Errors
    ///
    /// When the module needs more memory than the process may have, or this unit has none left.
    pub fn genesis(module: &Arc<CompiledModule>, limits: &Limits) -> Result<Self, GenesisError> {
        let (pages, limit) = (module.initial_pages, limits.memory_pages);
        if pages > limit {
            return Err(GenesisError::MemoryLimit { pages, limit });
        }
        let mut marked =
            Marked::new(module.tracking(), bytes_of(limit)).map_err(|error| host(&error))?;
        let mut machine = Machine::new(Arc::clone(module), limit, &marked)?;
        machine.write_genesis()?;
        let mut changed = PageSet::default();
        marked.mark(machine.memory_mut(), &mut changed).map_err(|error| host(&error))?;
        let (unsaved, tree) = module.genesis_tree();
        let rollback = Rollback::new(Mark::of(marked, &mut machine), unsaved.clone());
        Ok(Self { limits: *limits, machine, rollback, tree: tree.clone(), usable: true })
    }

    /// Makes the state that a checkpoint holds.
    ///
    /// # Errors
    ///
    /// When this unit has no memory left, or the checkpoint cannot be read.
    pub(crate) fn restore(
        module: &Arc<CompiledModule>,
        limits: &Limits,
        image: Image,
    ) -> Result<Self, HostFault> {
        let Image { bytes, globals, pages, tree } = image;
        let limit = limits.memory_pages;
        let marked = Marked::restored(module.tracking(), bytes_of(limit), bytes, pages);
        let marked = marked.map_err(|error| {
            tracing::error!(%error, "a process cannot be restored");
            HostFault::Damaged
        })?;
        let mut machine = Machine::of_mark(Arc::clone(module), limit, &marked)?;
        machine.set_globals(&globals)?;
        let rollback = Rollback::new(Mark::of(marked, &mut machine), PageSet::default());
        Ok(Self { limits: *limits, machine, rollback, tree, usable: true })
    }

    /// Executes one slot. Must run on a thread with [`crate::THREAD_STACK_BYTES`] of stack.
    ///
    /// # Errors
    ///
    /// A fault of this unit; what the guest does wrong is in [`Executed`].
    pub fn execute(
        &mut self,
        export: Export,
        input: &[u8],
        gas_limit: u64,
    ) -> Result<Executed, HostFault> {
        self.execute_if(export, input, gas_limit, |_| true)
    }

    /// Executes one slot whose output the caller looks at before it counts: where `accept` says no,
    /// the slot is rolled back with [`Fault::Refused`].
    ///
    /// # Errors
    ///
    /// As [`Self::execute`].
    pub fn execute_if(
        &mut self,
        export: Export,
        input: &[u8],
        gas_limit: u64,
        accept: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Executed, HostFault> {
        let output_max = self.output_max(export);
        self.guarded(|machine, rollback| {
            let mut executed = machine.run(export, input, gas_limit, output_max)?;
            if executed.result.as_ref().is_ok_and(|output| !accept(output)) {
                executed.result = Err(Fault::Refused);
            }
            match executed.result {
                Ok(_) => {
                    let gas_used = executed.gas_used;
                    let kept = Input { export, input, gas_limit, gas_used, output_max };
                    rollback.keep(machine, kept)?;
                }
                Err(_) => rollback.undo(machine)?,
            }
            Ok(executed)
        })
    }

    /// Executes a view on the state as it is, and puts everything back afterwards. Must run on a
    /// thread with [`crate::THREAD_STACK_BYTES`] of stack.
    ///
    /// # Errors
    ///
    /// A fault of this unit; what the guest does wrong is in [`Executed`].
    pub fn view(&mut self, input: &[u8], gas_limit: u64) -> Result<Executed, HostFault> {
        self.look(Export::View, input, gas_limit)
    }

    /// Has the state as it is saved, and puts everything back afterwards. Must run on a thread with
    /// [`crate::THREAD_STACK_BYTES`] of stack.
    ///
    /// # Errors
    ///
    /// A fault of this unit; what the guest does wrong is in [`Executed`].
    pub(crate) fn save(&mut self, input: &[u8], gas_limit: u64) -> Result<Executed, HostFault> {
        self.look(Export::Save, input, gas_limit)
    }

    /// Calls an export of which no trace stays.
    fn look(&mut self, export: Export, input: &[u8], gas: u64) -> Result<Executed, HostFault> {
        let output_max = self.output_max(export);
        self.guarded(|machine, rollback| {
            rollback.renew(machine)?;
            let executed = machine.run(export, input, gas, output_max)?;
            rollback.undo(machine)?;
            Ok(executed)
        })
    }

    /// Makes the state as it is the one to return to.
    #[cfg(feature = "bench")]
    pub(crate) fn commit(&mut self) -> Result<(), HostFault> {
        self.guarded_by(|instance| instance.rollback.renew(&mut instance.machine))
    }

    /// Calls an export, and nothing else.
    #[cfg(feature = "bench")]
    pub(crate) fn bare_call(
        &mut self,
        export: Export,
        input: &[u8],
        gas: u64,
    ) -> Result<u64, HostFault> {
        let output_max = self.output_max(export);
        Ok(self.machine.run(export, input, gas, output_max)?.gas_used)
    }

    /// The BLAKE3 hash of the memory: `b3sum` of a dump gives the same.
    ///
    /// # Errors
    ///
    /// A fault of this unit.
    pub fn memory_root(&mut self) -> Result<Hash, HostFault> {
        self.guarded_by(|instance| {
            instance.rollback.renew(&mut instance.machine)?;
            let changed = instance.rollback.take_unhashed();
            let memory = instance.machine.memory();
            if !changed.is_empty() || memory.len() / STATE_PAGE != instance.tree.pages() {
                instance.tree.update(memory, &changed).map_err(|reason| {
                    tracing::error!(%reason, "a checkpoint is damaged");
                    HostFault::Damaged
                })?;
            }
            Ok(instance.tree.root())
        })
    }

    /// What changed since the last snapshot, all of it if `whole`.
    ///
    /// # Errors
    ///
    /// A fault of this unit.
    pub(crate) fn snapshot(&mut self, whole: bool) -> Result<Snapshot, HostFault> {
        self.memory_root()?;
        self.guarded_by(|instance| {
            let mut unsaved = instance.rollback.take_unsaved();
            let memory = instance.machine.memory();
            if whole {
                let set = (0..).zip(memory.chunks(STATE_PAGE)).filter(|(_, page)| !is_zero(page));
                unsaved = set.map(|(index, _)| index).collect();
                instance.tree = MemoryTree::new();
                instance.tree.update(memory, &unsaved).expect("a new tree has nothing to read");
            }
            let mut pages = Vec::with_capacity(unsaved.len());
            for index in unsaved.iter() {
                let start = usize::try_from(index).unwrap_or(0).saturating_mul(STATE_PAGE);
                let page = memory.get(start..start.saturating_add(STATE_PAGE));
                pages.push((index, Box::from(page.ok_or(HostFault::Engine)?)));
            }
            let bytes = memory.len();
            let globals = instance.machine.globals();
            Ok(Snapshot { bytes, globals, pages, tree: instance.tree.clone() })
        })
    }

    /// Copies of the memory's pieces of a size, in order.
    ///
    /// # Errors
    ///
    /// A fault of this unit.
    pub(crate) fn pieces(&mut self, bytes: usize) -> Result<Vec<Vec<u8>>, HostFault> {
        self.guarded_by(|instance| {
            Ok(instance.machine.memory().chunks(bytes).map(<[u8]>::to_vec).collect())
        })
    }

    /// The mutable globals, by index.
    pub(crate) fn globals(&mut self) -> Vec<GlobalValue> {
        self.machine.globals()
    }

    /// Bytes of memory that the instance has.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.machine.memory().len()
    }

    /// Has calls pause between slices of about a millisecond, or go on at once, as they do at first.
    pub fn set_pause(&mut self, pause: Option<Arc<dyn Pause>>) {
        self.machine.slices().set_pause(pause);
    }

    /// What calls do between their slices.
    pub(crate) fn pause(&mut self) -> Option<Arc<dyn Pause>> {
        self.machine.slices().pause()
    }

    /// The memory and globals as they are.
    pub fn state_image(&mut self) -> StateImage<'_> {
        let globals = self.machine.globals();
        StateImage { memory: self.machine.memory(), globals }
    }

    fn guarded(
        &mut self,
        work: impl FnOnce(&mut Machine, &mut Rollback) -> Result<Executed, HostFault>,
    ) -> Result<Executed, HostFault> {
        self.guarded_by(|instance| work(&mut instance.machine, &mut instance.rollback))
    }

    fn guarded_by<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, HostFault>,
    ) -> Result<T, HostFault> {
        if !self.usable {
            return Err(HostFault::GivenUp);
        }
        let mut result = work(self);
        if self.rollback.marked().is_damaged() {
            // Whatever came of it was computed from pages that nobody stored.
            result = Err(HostFault::Damaged);
        }
        self.usable = result.is_ok();
        result
    }

    /// The largest output that may be copied out of the guest. A saved state may be as large as the
    /// memory; any other output is bounded by what its parts may be, which the decoder checks.
    fn output_max(&self, export: Export) -> usize {
        const ENVELOPE_BYTES: u64 = 4_096;
        const ITEM_BYTES: u64 = 256;
        let bytes = match export {
            Export::Save => u64::from(self.limits.memory_pages).saturating_mul(65_536),
            Export::Handle | Export::View => u64::from(self.limits.outbox_bytes)
                .saturating_add(u64::from(self.limits.outbox_items).saturating_mul(ITEM_BYTES))
                .saturating_add(u64::from(self.limits.reply_bytes).saturating_mul(2))
                .saturating_add(ENVELOPE_BYTES),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// The bytes of so many pages of linear memory.
fn bytes_of(pages: u32) -> usize {
    usize::try_from(pages).unwrap_or(usize::MAX).saturating_mul(PAGE_BYTES)
}

fn is_zero(page: &[u8]) -> bool {
    page.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;
