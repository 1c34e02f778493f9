//! A mark of memory and globals that an instance can return to.

use protocol::GlobalValue;

use super::{HostFault, machine::Machine};
use crate::memory::{Marked, PageSet};

/// Where an instance can return to.
pub(super) struct Mark {
    memory: Marked,
    globals: Vec<GlobalValue>,
}

impl Mark {
    /// The mark of a machine whose memory is what `memory` holds.
    pub(super) fn of(memory: Marked, machine: &mut Machine) -> Self {
        Self { memory, globals: machine.globals() }
    }

    /// Marks the machine as it is, and adds the pages that changed since the last mark.
    pub(super) fn take(
        &mut self,
        machine: &mut Machine,
        changed: &mut PageSet,
    ) -> Result<(), HostFault> {
        self.globals = machine.globals();
        let marked = self.memory.mark(machine.memory_mut(), changed);
        marked.map_err(|error| host(&error))
    }

    /// Makes the machine what it was when the mark was taken.
    pub(super) fn restore(&mut self, machine: &mut Machine) -> Result<(), HostFault> {
        if machine.memory().len() == self.memory.bytes() {
            let restored = self.memory.restore(machine.memory_mut());
            restored.map_err(|error| host(&error))?;
        } else {
            // A memory cannot shrink.
            machine.renew(&self.memory)?;
        }
        machine.set_globals(&self.globals)
    }

    /// What is marked of the memory.
    pub(super) const fn memory(&self) -> &Marked {
        &self.memory
    }
}

/// A fault of the operating system, told to the operator.
pub(super) fn host(error: &std::io::Error) -> HostFault {
    tracing::error!(%error, "the memory of a process cannot be kept");
    HostFault::Memory
}
