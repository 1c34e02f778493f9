//! Modules in redb, in a database of their own.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use protocol::ModuleId;
use redb::{ReadableTable, TableDefinition};

use super::{Disk, ModuleStore, StoreError, disk::Handle};

/// Module id to Wasm binary.
const MODULES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("modules");

/// Bytes of pages kept in memory.
const CACHE: usize = 32 << 20;

/// Modules in one redb database.
#[derive(Debug)]
pub(crate) struct RedbModules {
    handle: Handle,
    known: RwLock<HashSet<ModuleId>>,
}

impl RedbModules {
    /// The file's name.
    pub(crate) const FILE: &str = "modules.redb";

    /// Opens `modules.redb`.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let handle = Handle::open(disk, Self::FILE, CACHE)?;
        let mut transaction = handle.begin_write()?;
        transaction.set_quick_repair(true);
        let mut known = HashSet::new();
        {
            let modules = transaction.open_table(MODULES).map_err(StoreError::failed)?;
            for row in modules.iter().map_err(StoreError::failed)? {
                let (id, _) = row.map_err(StoreError::failed)?;
                known.insert(ModuleId::from_bytes(id.value()));
            }
        }
        transaction.commit().map_err(StoreError::failed)?;
        Ok(Self { handle, known: RwLock::new(known) })
    }

    fn insert(&self, module: &ModuleId, wasm: &[u8]) -> Result<(), StoreError> {
        let mut transaction = self.handle.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut modules = transaction.open_table(MODULES).map_err(StoreError::failed)?;
            modules.insert(module.as_bytes(), wasm).map_err(StoreError::failed)?;
        }
        transaction.commit().map_err(StoreError::failed)
    }
}

impl ModuleStore for RedbModules {
    fn close(&self) {
        if let Err(error) = self.handle.close() {
            tracing::warn!(%error, "the modules were not closed well");
        }
    }

    fn contains(&self, module: &ModuleId) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(module)
    }

    fn put(&self, wasm: &[u8]) -> Result<ModuleId, StoreError> {
        let module = ModuleId::of(wasm);
        if self.contains(&module) {
            return Ok(module);
        }
        if let Err(error) = self.insert(&module, wasm) {
            tracing::warn!(%error, "storing a module failed; opening its database again");
            self.handle.reopen()?;
            self.insert(&module, wasm)?;
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(module);
        Ok(module)
    }

    fn get(&self, module: &ModuleId) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.handle.begin_read()?;
        let modules = transaction.open_table(MODULES).map_err(StoreError::failed)?;
        let found = modules.get(module.as_bytes()).map_err(StoreError::failed)?;
        Ok(found.map(|wasm| wasm.value().to_vec()))
    }
}
