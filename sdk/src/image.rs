//! The memory of the module before, for an upgrade that does not ask it for its state.
//!
//! # Invariants
//!
//! - Nothing of an image is believed: what is not where it should be is an error.

use std::{cell::Cell, ptr};

use protocol::ModuleId;

use crate::Error;

/// The memory of the module before, as it was before the upgrade.
///
/// What it means only the author of that module can know. Where the module is an actor of this SDK,
/// [`state`](Self::state) tells where its struct lay; how Rust lays out a struct is settled for those
/// with `#[repr(C)]`, and else by the version of the compiler. Both modules are Wasm, so that a struct
/// of equal fields has equal offsets in them.
///
/// ```
/// use std::mem::offset_of;
///
/// use antiphon::prelude::*;
///
/// /// The state of the module that cannot save it any more.
/// #[repr(C)]
/// struct Broken {
///     n: u64,
/// }
///
/// #[actor]
/// #[derive(Serialize, Deserialize)]
/// pub struct Counter {
///     n: u64,
/// }
///
/// #[actor]
/// impl Counter {
///     #[init]
///     fn new() -> Self {
///         Self { n: 0 }
///     }
///
///     #[recover]
///     fn recover(image: MemoryImage) -> Result<Self, Error> {
///         let n = image.read(image.state()? + offset_of!(Broken, n))?;
///         Ok(Self { n: u64::from_le_bytes(n) })
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryImage {
    module: ModuleId,
    bytes: Vec<u8>,
}

impl MemoryImage {
    /// The memory of a module.
    pub const fn new(module: ModuleId, bytes: Vec<u8>) -> Self {
        Self { module, bytes }
    }

    /// The module whose memory it is: what to compare before anything is read out of it.
    pub const fn module(&self) -> ModuleId {
        self.module
    }

    /// All of it, from address 0.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The address of the state, if the module is an actor of this SDK.
    ///
    /// # Errors
    ///
    /// `bad-state` if no state is found.
    pub fn state(&self) -> Result<usize, Error> {
        // Anchors have the alignment of an address, which is that of the step.
        let windows = self.bytes.windows(ANCHOR_LEN).step_by(WORD_LEN).enumerate();
        for (at, _) in windows.filter(|(_, window)| window.starts_with(&MARK)) {
            let at = at * WORD_LEN;
            let address = self.word(at + MARK.len())?;
            let beside = address.checked_sub(at).is_some_and(|far| far <= STATE_DISTANCE_MAX);
            if beside && self.word(at + MARK.len() + WORD_LEN)? == address ^ CHECK {
                return Ok(address);
            }
        }
        Err(Error::known(Error::BAD_STATE, "the memory image shows no state of an actor"))
    }

    /// The address of the first such bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        self.bytes.windows(bytes.len()).position(|window| window == bytes)
    }

    /// A number of bytes at an address.
    ///
    /// # Errors
    ///
    /// `bad-state` if the image ends before.
    pub fn read<const N: usize>(&self, address: usize) -> Result<[u8; N], Error> {
        let bytes = self.bytes.get(address..).and_then(<[u8]>::first_chunk);
        bytes.copied().ok_or_else(|| outside(address))
    }

    /// An address or a length at an address: a `usize` of the module.
    ///
    /// # Errors
    ///
    /// `bad-state` if the image ends before.
    pub fn word(&self, address: usize) -> Result<usize, Error> {
        let word = u32::from_le_bytes(self.read(address)?);
        usize::try_from(word).map_err(|_| outside(address))
    }

    /// As many bytes at an address.
    ///
    /// # Errors
    ///
    /// `bad-state` if the image ends before.
    pub fn slice(&self, address: usize, len: usize) -> Result<&[u8], Error> {
        let bytes = self.bytes.get(address..).and_then(|bytes| bytes.get(..len));
        bytes.ok_or_else(|| outside(address))
    }
}

fn outside(address: usize) -> Error {
    let detail = format!("the memory image ends before what is read at {}", address as u64);
    Error::known(Error::BAD_STATE, detail)
}

/// What an anchor begins with.
const MARK: [u8; 16] = *b"antiphon state: ";

/// What tells an address and its check from other words that may follow a mark.
const CHECK: usize = 0x5a5a_5a5a;

/// The size of an address in a module.
const WORD_LEN: usize = 4;

/// The size of an anchor in a module.
const ANCHOR_LEN: usize = MARK.len() + 2 * WORD_LEN;

/// How far behind the mark a state may begin. A module that has recovered from an image may still hold
/// parts of that, whose anchors are not beside the states they name.
const STATE_DISTANCE_MAX: usize = 256;

/// Stands in memory before a state, so that it is found in an image.
#[repr(C)]
pub(crate) struct Anchor {
    mark: [u8; 16],
    address: Cell<usize>,
    check: Cell<usize>,
}

impl Anchor {
    /// The anchor of a state that is not there yet.
    pub(crate) const fn new() -> Self {
        Self { mark: MARK, address: Cell::new(0), check: Cell::new(0) }
    }

    /// Keeps where the state is.
    pub(crate) fn hold<A>(&self, state: &A) {
        let address = ptr::from_ref(state).addr();
        self.address.set(address);
        self.check.set(address ^ CHECK);
    }
}

#[cfg(test)]
mod tests;
