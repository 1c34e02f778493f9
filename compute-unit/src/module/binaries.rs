//! Wasm binaries of the modules that logs name, for schedulers that go on with a log whose own one is
//! lost.
//!
//! A process waits until its module's binary is kept, so that a log that is shown here can be executed
//! elsewhere. Where it cannot be kept, the process goes on without.

use std::sync::PoisonError;

use protocol::ModuleId;

use super::{cache::Modules, disk::Shelf};

impl Modules {
    /// Whether the binary of a module need not be waited for: it is kept, it could not be, or nothing is
    /// kept here at all.
    pub(crate) fn has_binary(&self, id: &ModuleId) -> bool {
        let Some(disk) = &self.disk else { return true };
        disk.has(id, Shelf::Binaries) || self.is_without(id)
    }

    /// Keeps the binary of a module that a log names, durably unless the disk fails.
    pub(crate) fn keep_binary(&self, wasm: &[u8]) {
        let Some(disk) = &self.disk else { return };
        let id = ModuleId::of(wasm);
        if disk.has(&id, Shelf::Binaries) {
            return;
        }
        disk.write(&id, Shelf::Binaries, wasm);
        if !disk.has(&id, Shelf::Binaries) {
            self.go_without_binary(id);
        }
    }

    /// Learns that the binary of a module cannot be had; it is not asked for again until it has to be
    /// compiled anew, or until the next start.
    pub(crate) fn go_without_binary(&self, id: ModuleId) {
        self.without.lock().unwrap_or_else(PoisonError::into_inner).put(id, ());
    }

    /// The binary of a module, if it is kept. What is damaged is removed.
    pub(crate) fn binary(&self, id: &ModuleId) -> Option<Vec<u8>> {
        let disk = self.disk.as_ref()?;
        let wasm = disk.read_from(id, Shelf::Binaries)?;
        if ModuleId::of(&wasm) == *id {
            return Some(wasm);
        }
        self.metrics.module_files_damaged.increment();
        tracing::warn!(module = %id, "the binary of a module is damaged");
        disk.forget(id, Shelf::Binaries);
        None
    }

    fn is_without(&self, id: &ModuleId) -> bool {
        self.without.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

#[cfg(test)]
mod tests;
