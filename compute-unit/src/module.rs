//! Compiled modules, and where they are kept: a few in memory, many on disk.
//!
//! # Invariants
//!
//! - A module is compiled at most once at a time, and what the disk holds is not compiled again.
//! - Nothing of a file is believed before its checksum, whose key only this unit knows, holds.
//! - Refusals are kept like modules; failures of this unit's engine are not.

mod cache;
mod disk;
mod file;
mod load;

use protocol::ModuleId;
use wasmtime::{InstancePre, Linker, Module};

use crate::{
    engine::{CompileError, Engine},
    instance::HostState,
    prepare::{MutableGlobal, Segment, prepare},
};

pub use cache::Modules;

/// A module that instances can be made of.
pub struct CompiledModule {
    id: ModuleId,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) genesis: Vec<Segment>,
    pub(crate) initial_pages: u32,
    pub(crate) globals: Vec<MutableGlobal>,
}

impl std::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModule").field("id", &self.id).finish_non_exhaustive()
    }
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
        let pre = Linker::new(engine.inner())
            .instantiate_pre(module)
            .map_err(|error| CompileError::engine(&error))?;
        let Facts { genesis, initial_pages, globals } = facts;
        Ok(Self { id, pre, genesis, initial_pages, globals })
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
}
