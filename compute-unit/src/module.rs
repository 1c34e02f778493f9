//! Compiled modules, and a bounded cache of them.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use lru::LruCache;
use protocol::ModuleId;
use wasmtime::{InstancePre, Linker, Module};

use crate::{
    engine::{CompileError, Engine},
    instance::{HostState, PAGE_BYTES, next_slice},
    memory::{MemoryTree, PageSet, STATE_PAGE, Tracking},
    prepare::{self, MutableGlobal, Segment, prepare},
};

/// A module that instances can be made of.
pub struct CompiledModule {
    id: ModuleId,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) genesis: Vec<Segment>,
    pub(crate) initial_pages: u32,
    pub(crate) globals: Vec<MutableGlobal>,
    tracking: Tracking,
    genesis_tree: OnceLock<(PageSet, MemoryTree)>,
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
            tracking: engine.tracking(),
            genesis_tree: OnceLock::new(),
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

    /// How instances of the module know what a message touched.
    pub(crate) const fn tracking(&self) -> Tracking {
        self.tracking
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
