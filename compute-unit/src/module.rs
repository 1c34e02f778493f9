//! Compiled modules, and a bounded cache of them.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;
use protocol::ModuleId;
use wasmtime::{InstancePre, Linker, Module};

use crate::{
    engine::{CompileError, Engine},
    instance::{HostState, next_slice},
    prepare::{self, MutableGlobal, Segment, prepare},
};

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

impl CompiledModule {
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, CompileError> {
        let prepared = prepare(wasm)?;
        let module = Module::from_binary(engine.inner(), &prepared.wasm)
            .map_err(|error| CompileError::engine(&error))?;
        let mut linker = Linker::new(engine.inner());
        let pre = linker
            .func_wrap(prepare::MODULE, prepare::SLICE, next_slice)
            .and_then(|linker| linker.instantiate_pre(&module))
            .map_err(|error| CompileError::engine(&error))?;
        Ok(Self {
            id: ModuleId::of(wasm),
            pre,
            genesis: prepared.genesis,
            initial_pages: prepared.initial_pages,
            globals: prepared.globals,
        })
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

/// The modules a unit compiled last. Refusals are not kept: they are found without compiling.
#[derive(Debug)]
pub struct Modules {
    engine: Engine,
    compiled: Mutex<LruCache<ModuleId, Arc<CompiledModule>>>,
}

impl Modules {
    /// Modules kept by default.
    pub const KEPT: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

    /// Makes an empty cache that keeps at most `kept` modules.
    pub fn new(engine: Engine, kept: NonZeroUsize) -> Self {
        Self { engine, compiled: Mutex::new(LruCache::new(kept)) }
    }

    /// A module compiled before.
    pub fn get(&self, id: &ModuleId) -> Option<Arc<CompiledModule>> {
        self.lock().get(id).cloned()
    }

    /// The compiled form of these bytes, compiled now if need be. Two threads that ask for the same
    /// new module at once may both compile it.
    ///
    /// # Errors
    ///
    /// As [`Engine::compile`].
    pub fn compile(&self, wasm: &[u8]) -> Result<Arc<CompiledModule>, CompileError> {
        if let Some(module) = self.get(&ModuleId::of(wasm)) {
            return Ok(module);
        }
        let module = self.engine.compile(wasm)?;
        self.lock().put(module.id(), Arc::clone(&module));
        Ok(module)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<ModuleId, Arc<CompiledModule>>> {
        // A cache is as good after a panic as before: entries are put whole.
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
