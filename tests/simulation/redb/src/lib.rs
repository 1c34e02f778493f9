//! Redb as the messenger sees it in the simulation: databases are kept in memory by their paths, lose
//! what was not synced when their machine crashes, and take nothing while their disk refuses.

mod disk;

use std::{ops::Deref, path::Path};

pub use redb::*;

pub use disk::{crash, forget, refuse, reset};

/// An open database.
#[derive(Debug)]
pub struct Database(redb::Database);

impl Database {
    /// Sets up how to open one.
    pub fn builder() -> Builder {
        Builder(redb::Builder::new())
    }
}

impl Deref for Database {
    type Target = redb::Database;

    fn deref(&self) -> &redb::Database {
        &self.0
    }
}

/// How to open a database.
#[expect(missing_debug_implementations, reason = "nor does the original implement it")]
pub struct Builder(redb::Builder);

impl Builder {
    /// Bounds the memory for pages.
    pub fn set_cache_size(&mut self, bytes: usize) -> &mut Self {
        self.0.set_cache_size(bytes);
        self
    }

    /// Opens a database, making it if it does not exist.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or the file is damaged.
    pub fn create(&self, path: &Path) -> Result<Database, DatabaseError> {
        self.0.create_with_backend(disk::open(path)).map(Database)
    }
}
