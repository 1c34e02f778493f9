//! Fills pages when they are first touched: userfaultfd, for faults of this program itself.
//!
//! One thread serves all restored memories. It never touches a memory through the mapping that
//! faults, only through the file, so it cannot wait for itself.

#![expect(unsafe_code, reason = "ioctls that rustix does not know")]

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use rustix::{
    ioctl::{Opcode, Updater, ioctl, opcode},
    mm::{UserfaultfdFlags, userfaultfd},
};

use super::base::Base;
use crate::memory::STATE_PAGE;

/// Only faults in user mode, which any user may handle.
const USER_MODE_ONLY: u32 = 1;
const API: u64 = 0xaa;
const MODE_MISSING: u64 = 1;
const EVENT_PAGEFAULT: u8 = 0x12;
/// Bytes of an event.
const EVENT_BYTES: usize = 32;
/// Events read at once.
const EVENTS: usize = 16;
/// Bytes of stack of the thread that serves; reading a page needs no more.
const STACK_BYTES: usize = 1 << 20;

/// `struct uffdio_api`.
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

/// `struct uffdio_range`.
#[repr(C)]
struct Range {
    start: u64,
    len: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
struct Register {
    range: Range,
    mode: u64,
    ioctls: u64,
}

const UFFDIO_API: Opcode = opcode::read_write::<Api>(0xaa, 0x3f);
const UFFDIO_REGISTER: Opcode = opcode::read_write::<Register>(0xaa, 0x00);
const UFFDIO_UNREGISTER: Opcode = opcode::read::<Range>(0xaa, 0x01);
const UFFDIO_WAKE: Opcode = opcode::read::<Range>(0xaa, 0x02);

/// Where faults are told of, and whose they are.
pub(super) struct Faults {
    descriptor: OwnedFd,
    /// Restored memories by their address.
    regions: Mutex<BTreeMap<usize, Weak<Base>>>,
}

impl Faults {
    /// The one instance, if the machine has it.
    pub(super) fn get() -> Option<&'static Arc<Self>> {
        static FAULTS: OnceLock<Option<Arc<Faults>>> = OnceLock::new();
        let start = || match Self::start() {
            Ok(faults) => Some(faults),
            Err(error) => {
                tracing::info!(%error, "checkpoints are read as a whole: no userfaultfd");
                None
            }
        };
        FAULTS.get_or_init(start).as_ref()
    }

    fn start() -> io::Result<Arc<Self>> {
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::from_bits_retain(USER_MODE_ONLY);
        // SAFETY: the descriptor is used for memories that are made to be filled by it.
        let descriptor = unsafe { userfaultfd(flags) }?;
        let mut api = Api { api: API, features: 0, ioctls: 0 };
        // SAFETY: the argument of this opcode is a `struct uffdio_api`.
        unsafe { ioctl(&descriptor, Updater::<UFFDIO_API, _>::new(&mut api)) }?;
        let faults = Arc::new(Self { descriptor, regions: Mutex::default() });
        let serving = Arc::clone(&faults);
        let thread = std::thread::Builder::new().name("page-in".into()).stack_size(STACK_BYTES);
        thread.spawn(move || serving.serve())?;
        Ok(faults)
    }

    /// Fills pages for ever.
    fn serve(&self) {
        let mut events = [0; EVENT_BYTES * EVENTS];
        loop {
            let read = match rustix::io::read(&self.descriptor, &mut events) {
                Ok(read) => read,
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(error) => {
                    // Whoever waits for a page would wait for ever.
                    tracing::error!(%error, "page faults are no longer told");
                    std::process::abort();
                }
            };
            for event in events.chunks_exact(EVENT_BYTES).take(read / EVENT_BYTES) {
                // The kernel writes the byte order of the machine: see `is_supported`.
                if event.first() == Some(&EVENT_PAGEFAULT)
                    && let Some(Ok(address)) = event.get(16..24).map(<[u8; 8]>::try_from)
                {
                    self.fill(usize::try_from(u64::from_le_bytes(address)).unwrap_or(0));
                }
            }
        }
    }

    fn fill(&self, address: usize) {
        let page = address - address % STATE_PAGE;
        let found = {
            let regions = self.lock();
            let region = regions.range(..=page).next_back();
            region.and_then(|(start, base)| Some((page - start, base.upgrade()?)))
        };
        if let Some((offset, base)) = found {
            base.fill(offset);
        }
        let mut range = Range { start: page as u64, len: STATE_PAGE as u64 };
        // SAFETY: the argument of this opcode is a `struct uffdio_range`.
        let woken = unsafe { ioctl(&self.descriptor, Updater::<UFFDIO_WAKE, _>::new(&mut range)) };
        if let Err(error) = woken {
            tracing::error!(%error, "a fault cannot be ended");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Weak<Base>>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A memory whose first bytes are filled when they are touched, until this is dropped.
pub(super) struct Registration {
    start: usize,
    len: usize,
}

impl Registration {
    /// Registers a private mapping of a file.
    pub(super) fn new(start: usize, len: usize, base: &Arc<Base>) -> io::Result<Self> {
        let faults = Faults::get().ok_or(io::ErrorKind::Unsupported)?;
        faults.lock().insert(start, Arc::downgrade(base));
        let registration = Self { start, len };
        if len > 0 {
            let range = Range { start: start as u64, len: len as u64 };
            let mut register = Register { range, mode: MODE_MISSING, ioctls: 0 };
            // SAFETY: the argument of this opcode is a `struct uffdio_register`; the mapping is of
            // a memory whose pages this program can always fill.
            unsafe {
                ioctl(&faults.descriptor, Updater::<UFFDIO_REGISTER, _>::new(&mut register))
            }?;
        }
        Ok(registration)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(faults) = Faults::get() else { return };
        if self.len > 0 {
            let mut range = Range { start: self.start as u64, len: self.len as u64 };
            // SAFETY: the argument of this opcode is a `struct uffdio_range`.
            let gone = unsafe {
                ioctl(&faults.descriptor, Updater::<UFFDIO_UNREGISTER, _>::new(&mut range))
            };
            // The mapping is given back next, which ends the registration anyway.
            gone.unwrap_or_else(|error| tracing::debug!(%error, "a memory stays registered"));
        }
        faults.lock().remove(&self.start);
    }
}
