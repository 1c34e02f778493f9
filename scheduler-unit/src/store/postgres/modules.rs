//! Modules in PostgreSQL, shared by all schedulers there: a module's id is the hash of its bytes.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use protocol::ModuleId;
use tokio_postgres::types::{ToSql, Type};

use super::{
    schema,
    server::{Server, Session},
};
use crate::store::{ModuleStore, StoreError};

/// The modules in a database.
#[derive(Debug)]
pub(crate) struct PostgresModules {
    session: Session,
    known: RwLock<HashSet<ModuleId>>,
}

impl PostgresModules {
    /// Learns which modules there are. The tables exist.
    pub(super) fn open(server: Arc<Server>) -> Result<Self, StoreError> {
        let session = Session::new(server);
        let rows = session
            .again(|client| async move { client.query_typed(schema::MODULES, &[]).await })?;
        let known = rows.iter().map(|row| {
            let bytes = <[u8; 32]>::try_from(row.get::<_, &[u8]>(0));
            bytes.map(ModuleId::from_bytes)
        });
        let known: Result<HashSet<_>, _> = known.collect();
        let damaged = |_| StoreError::Damaged("a module's id is not 32 bytes long".to_owned());
        Ok(Self { session, known: RwLock::new(known.map_err(damaged)?) })
    }
}

impl ModuleStore for PostgresModules {
    fn contains(&self, module: &ModuleId) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(module)
    }

    fn put(&self, wasm: &[u8]) -> Result<ModuleId, StoreError> {
        let module = ModuleId::of(wasm);
        if self.contains(&module) {
            return Ok(module);
        }
        let wasm: Arc<[u8]> = wasm.into();
        self.session.again(|client| {
            let wasm = Arc::clone(&wasm);
            async move {
                let (id, wasm) = (module.as_bytes().as_slice(), &*wasm);
                let values: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&id, Type::BYTEA), (&wasm, Type::BYTEA)];
                client.execute_typed(schema::PUT, &values).await
            }
        })?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(module);
        Ok(module)
    }

    fn get(&self, module: &ModuleId) -> Result<Option<Vec<u8>>, StoreError> {
        let module = *module;
        let rows = self.session.again(|client| async move {
            let id = module.as_bytes().as_slice();
            client.query_typed(schema::GET, &[(&id, Type::BYTEA)]).await
        })?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    fn close(&self) {
        self.session.close();
    }
}
