//! Compiled modules, and where they are kept: a few in memory, many on disk; and the binaries of those
//! that logs name.
//!
//! # Invariants
//!
//! - A module is compiled at most once at a time, and what the disk holds is not compiled again.
//! - Nothing of a file is believed before its checksum, whose key only this unit knows, holds.
//! - Refusals are kept like modules; failures of this unit's engine are not.
//! - What strangers have compiled pushes out no binary that a log names.

mod binaries;
mod cache;
mod disk;
mod file;
mod load;

use std::sync::{Arc, OnceLock};

use protocol::ModuleId;
use wasmtime::{InstancePre, Linker, Module};

use crate::{
    engine::{CompileError, Engine},
    instance::{HostState, PAGE_BYTES, next_slice},
    memory::{Budget, MemoryTree, PageSet, STATE_PAGE, Tracking},
    prepare::{self, MutableGlobal, Segment, prepare},
};

pub use cache::Modules;

/// A module that instances can be made of.
pub struct CompiledModule {
    id: ModuleId,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) genesis: Vec<Segment>,
    pub(crate) initial_pages: u32,
    pub(crate) globals: Vec<MutableGlobal>,
    tracking: Tracking,
    budget: Arc<Budget>,
    genesis_tree: OnceLock<(PageSet, MemoryTree)>,
}

impl std::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModule").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The module that an upgrade brings.
#[derive(Debug, Clone)]
pub enum Successor {
    /// It can be run.
    Ready(Arc<CompiledModule>),
    /// It breaks the profile, so that no unit can run it.
    Unfit,
}

/// What preparation found in a module, beside its code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    genesis: Vec<Segment>,
    initial_pages: u32,
    globals: Vec<MutableGlobal>,
}

impl CompiledModule {
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, CompileError> {
        let prepared = prepare(wasm)?;
        let module = Module::from_binary(engine.inner(), &prepared.wasm)
            .map_err(|error| CompileError::engine(&error))?;
        let facts = Facts {
            genesis: prepared.genesis,
            initial_pages: prepared.initial_pages,
            globals: prepared.globals,
        };
        Self::link(engine, ModuleId::of(wasm), &module, facts)
    }

    /// Makes machine code ready for instances.
    fn link(
        engine: &Engine,
        id: ModuleId,
        module: &Module,
        facts: Facts,
    ) -> Result<Self, CompileError> {
        let mut linker = Linker::new(engine.inner());
        let pre = linker
            .func_wrap(prepare::MODULE, prepare::SLICE, next_slice)
            .and_then(|linker| linker.instantiate_pre(module))
            .map_err(|error| CompileError::engine(&error))?;
        let Facts { genesis, initial_pages, globals } = facts;
        let (tracking, genesis_tree) = (engine.tracking(), OnceLock::new());
        let budget = Arc::clone(engine.budget());
        Ok(Self { id, pre, genesis, initial_pages, globals, tracking, budget, genesis_tree })
    }

    fn facts(&self) -> Facts {
        Facts {
            genesis: self.genesis.clone(),
            initial_pages: self.initial_pages,
            globals: self.globals.clone(),
        }
    }

    /// The module's id.
    pub const fn id(&self) -> ModuleId {
        self.id
    }

    /// Pages of memory a new process of this module has.
    pub const fn initial_pages(&self) -> u32 {
        self.initial_pages
    }

    /// How instances of the module know what a message touched.
    pub(crate) const fn tracking(&self) -> Tracking {
        self.tracking
    }

    /// What instances of the module take their memory from.
    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Writes the module's data into a memory of zeros; none if it does not fit.
    pub(crate) fn write_genesis(&self, memory: &mut [u8]) -> Option<()> {
        for segment in &self.genesis {
            let start = usize::try_from(segment.offset).ok()?;
            let end = start.checked_add(segment.bytes.len())?;
            memory.get_mut(start..end)?.copy_from_slice(&segment.bytes);
        }
        Some(())
    }

    /// The pages of a new process that the module's data is on, and the tree of its memory.
    pub(crate) fn genesis_tree(&self) -> &(PageSet, MemoryTree) {
        self.genesis_tree.get_or_init(|| {
            let pages = usize::try_from(self.initial_pages).unwrap_or(usize::MAX);
            let mut image = vec![0; pages.saturating_mul(PAGE_BYTES)];
            // Preparation has checked that it fits.
            let _ = self.write_genesis(&mut image);
            let zeros = [0; STATE_PAGE];
            let set = (0..).zip(image.chunks(STATE_PAGE)).filter(|(_, page)| *page != zeros);
            let set: PageSet = set.map(|(page, _)| page).collect();
            let mut tree = MemoryTree::new();
            tree.update(&image, &set).expect("a new tree has nothing to read");
            (set, tree)
        })
    }
}
