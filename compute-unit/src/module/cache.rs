//! The modules a unit has: each is compiled once, kept in memory while it is among the last used,
//! and read from the disk after that.

use std::{
    collections::HashMap,
    io,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use lru::LruCache;
use protocol::{ModuleId, Profile};

use super::{
    CompiledModule,
    disk::{Disk, Limits, Shelf},
    file::{self, Content, Key, Unusable},
    load,
};
use crate::{
    engine::{CompileError, Engine},
    metrics::Metrics,
};

/// Refusals kept in memory.
const REFUSALS_KEPT: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");
/// Modules remembered whose binary could not be kept.
const WITHOUT_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// What came of a module.
type Found = Result<Arc<CompiledModule>, CompileError>;

/// The modules a unit used last, and the refusals it gave last.
#[derive(Debug)]
pub struct Modules {
    engine: Engine,
    memory: Mutex<Memory>,
    /// What is being read or compiled now: at most one entry for each thread that asks.
    under_way: Mutex<HashMap<ModuleId, Arc<OnceLock<Found>>>>,
    pub(super) disk: Option<Disk>,
    /// Modules whose binary could not be kept: nobody waits for it again.
    pub(super) without: Mutex<LruCache<ModuleId, ()>>,
    pub(super) metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Memory {
    compiled: LruCache<ModuleId, Arc<CompiledModule>>,
    refused: LruCache<ModuleId, CompileError>,
}

impl Modules {
    /// Modules kept in memory by default.
    pub const KEPT: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

    /// Makes an empty cache that keeps at most `kept` modules in memory, and none elsewhere.
    pub fn new(engine: Engine, kept: NonZeroUsize) -> Self {
        let (compiled, refused) = (LruCache::new(kept), LruCache::new(REFUSALS_KEPT));
        Self {
            engine,
            memory: Mutex::new(Memory { compiled, refused }),
            under_way: Mutex::default(),
            disk: None,
            without: Mutex::new(LruCache::new(WITHOUT_MAX)),
            metrics: Arc::default(),
        }
    }

    /// Makes a cache that keeps at most `kept` modules in memory, and up to 4,096 files of 4 GiB in
    /// a directory of its own, and as many binaries. Files are believed by a secret that must be this unit's alone.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or read.
    pub fn with_disk(
        engine: Engine,
        kept: NonZeroUsize,
        directory: PathBuf,
        secret: [u8; 32],
    ) -> io::Result<Self> {
        Self::with_limits(engine, kept, (directory, secret), Limits::UNIT)
    }

    pub(super) fn with_limits(
        engine: Engine,
        kept: NonZeroUsize,
        (directory, secret): (PathBuf, [u8; 32]),
        limits: Limits,
    ) -> io::Result<Self> {
        let key = Key { secret, profile: Profile::current().id(), engine: engine.compatibility() };
        let disk = Disk::open(directory, key, limits)?;
        Ok(Self { disk: Some(disk), ..Self::new(engine, kept) })
    }

    /// Counts what it does in the counters of a unit.
    #[must_use]
    pub(crate) fn counted(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// A module that is in memory.
    pub fn get(&self, id: &ModuleId) -> Option<Arc<CompiledModule>> {
        self.memory().compiled.get(id).cloned()
    }

    /// What came of a module before, if memory or disk know it.
    pub fn find(&self, id: &ModuleId) -> Option<Result<Arc<CompiledModule>, CompileError>> {
        // Reading takes the lock again.
        let known = self.memory().find(id);
        known.or_else(|| self.read(id))
    }

    /// The compiled form of these bytes, compiled now if need be. Of several threads that ask for
    /// the same module at once, one compiles it and the others wait.
    ///
    /// # Errors
    ///
    /// As [`Engine::compile`].
    pub fn compile(&self, wasm: &[u8]) -> Result<Arc<CompiledModule>, CompileError> {
        let id = ModuleId::of(wasm);
        if let Some(found) = self.memory().find(&id) {
            return found;
        }
        let mine = Arc::clone(self.under_way().entry(id).or_default());
        // Whoever panics in here leaves the work to the next thread that waits.
        let found =
            mine.get_or_init(|| self.find(&id).unwrap_or_else(|| self.compile_now(&id, wasm)));
        let mut under_way = self.under_way();
        if under_way.get(&id).is_some_and(|present| Arc::ptr_eq(present, &mine)) {
            under_way.remove(&id);
        }
        found.clone()
    }

    fn compile_now(&self, id: &ModuleId, wasm: &[u8]) -> Found {
        let compiled = self.engine.compile(wasm);
        match &compiled {
            Ok(module) => {
                self.metrics.modules_compiled.increment();
                self.keep(module);
                self.memory().compiled.put(*id, Arc::clone(module));
            }
            Err(CompileError::Refused(reason)) if reason.is_found_at_a_glance() => {}
            Err(error @ CompileError::Refused(reason)) => {
                if let Some(disk) = &self.disk
                    && let Some(bytes) = file::refused(&disk.key, id, &reason.to_string())
                {
                    disk.write(id, Shelf::Refusals, &bytes);
                }
                self.memory().refused.put(*id, error.clone());
            }
            Err(CompileError::RefusedBefore { .. } | CompileError::Engine { .. }) => {}
        }
        compiled
    }

    fn keep(&self, module: &CompiledModule) {
        let Some(disk) = &self.disk else { return };
        match module.pre.module().serialize() {
            Ok(code) => {
                let bytes = file::compiled(&disk.key, &module.id, &module.facts(), &code);
                disk.write(&module.id, Shelf::Modules, &bytes);
            }
            Err(error) => tracing::warn!(module = %module.id, %error, "a module is not kept"),
        }
    }

    /// Reads what the disk has of a module. What is damaged or of another engine is removed.
    fn read(&self, id: &ModuleId) -> Option<Found> {
        let disk = self.disk.as_ref()?;
        let (shelf, bytes) = disk.read(id)?;
        let unusable = match file::open(&disk.key, id, &bytes) {
            Ok(Content::Refused(detail)) if shelf == Shelf::Refusals => {
                let refused = CompileError::RefusedBefore { detail: detail.to_owned() };
                self.memory().refused.put(*id, refused.clone());
                return Some(Err(refused));
            }
            Ok(Content::Compiled(facts, code)) if shelf == Shelf::Modules => {
                let loaded = load::load(&self.engine, &code)
                    .map_err(|error| CompileError::engine(&error))
                    .and_then(|module| CompiledModule::link(&self.engine, *id, &module, facts));
                match loaded {
                    Ok(module) => {
                        self.metrics.modules_loaded.increment();
                        disk.renew(id, Shelf::Binaries);
                        let module = Arc::new(module);
                        self.memory().compiled.put(*id, Arc::clone(&module));
                        return Some(Ok(module));
                    }
                    Err(error) => {
                        tracing::warn!(module = %id, %error, "the engine does not take a file");
                        Unusable::Damaged
                    }
                }
            }
            Ok(Content::Refused(_) | Content::Compiled(..)) => Unusable::Damaged,
            Err(unusable) => unusable,
        };
        match unusable {
            Unusable::Damaged => {
                self.metrics.module_files_damaged.increment();
                tracing::warn!(module = %id, reason = %unusable, "the module is compiled anew");
            }
            Unusable::Stale => {
                tracing::info!(module = %id, reason = %unusable, "the module is compiled anew");
            }
        }
        disk.forget(id, shelf);
        None
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A cache is as good after a panic as before: entries are put whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<ModuleId, Arc<OnceLock<Found>>>> {
        // As above.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn find(&mut self, id: &ModuleId) -> Option<Found> {
        match self.compiled.get(id) {
            Some(module) => Some(Ok(Arc::clone(module))),
            None => self.refused.get(id).cloned().map(Err),
        }
    }
}

#[cfg(test)]
mod tests;
