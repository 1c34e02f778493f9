//! A copy of memory and globals that an instance can return to.
//!
//! The copy is sparse: chunks of zeros take no room, and a chunk that did not change since the last
//! copy is only compared. An actor's memory is mostly stack that was never used.

use protocol::GlobalValue;

use super::{HostFault, machine::Machine};

const CHUNK_BYTES: usize = 4_096;
static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];

#[derive(Default)]
pub(super) struct Mark {
    bytes: usize,
    /// Chunks of [`CHUNK_BYTES`], none for zeros.
    chunks: Vec<Option<Box<[u8]>>>,
    globals: Vec<GlobalValue>,
}

impl Mark {
    /// Makes this the copy of the machine as it is.
    pub(super) fn take(&mut self, machine: &mut Machine) {
        self.globals = machine.globals();
        let memory = machine.memory();
        self.bytes = memory.len();
        self.chunks.resize_with(memory.len().div_ceil(CHUNK_BYTES), || None);
        for (kept, live) in self.chunks.iter_mut().zip(memory.chunks(CHUNK_BYTES)) {
            match kept {
                Some(kept) if **kept == *live => {}
                Some(kept) if kept.len() == live.len() => kept.copy_from_slice(live),
                None if is_zero(live) => {}
                _ => *kept = Some(live.into()),
            }
        }
    }

    /// Makes the machine what it was when this copy was taken.
    pub(super) fn restore(&self, machine: &mut Machine) -> Result<(), HostFault> {
        if machine.memory().len() == self.bytes {
            self.overwrite(machine.memory_mut());
        } else {
            // A memory cannot shrink.
            machine.renew(self.bytes)?;
            let memory = machine.memory_mut();
            if memory.len() != self.bytes {
                return Err(HostFault::Engine);
            }
            for (kept, live) in self.chunks.iter().zip(memory.chunks_mut(CHUNK_BYTES)) {
                if let Some(kept) = kept {
                    live.copy_from_slice(kept);
                }
            }
        }
        machine.set_globals(&self.globals)
    }

    fn overwrite(&self, memory: &mut [u8]) {
        for (kept, live) in self.chunks.iter().zip(memory.chunks_mut(CHUNK_BYTES)) {
            match kept {
                Some(kept) if **kept == *live => {}
                Some(kept) => live.copy_from_slice(kept),
                None if is_zero(live) => {}
                None => live.fill(0),
            }
        }
    }

    /// The size of the memory copied.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn is_zero(chunk: &[u8]) -> bool {
    ZEROS.get(..chunk.len()).is_some_and(|zeros| zeros == chunk)
}
