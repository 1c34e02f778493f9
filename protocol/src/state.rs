//! The state of a process, and the root that commits to it.
//!
//! The memory root is the plain BLAKE3 hash of the memory image, so `b3sum` of a dump checks it. It
//! is kept from the chaining values of pages, and one page can be shown to be in it.

mod image;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::{Domain, Hash, ModuleId, ProfileId, codec};

pub(crate) use image::{PAGES_PER_WASM_PAGE, merge_all, merge_all_to_root};
pub use image::{PageProof, STATE_PAGE_BYTES, empty_root, merge, merge_root, page_cv};

/// What a mutable global holds. Floats are their bits: no NaN is touched on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum GlobalValue {
    /// A 32-bit integer, encoded as its bits.
    #[n(0)]
    I32(#[cbor(n(0), with = "bits32")] i32),
    /// A 64-bit integer, encoded as its bits.
    #[n(1)]
    I64(#[cbor(n(0), with = "bits64")] i64),
    /// The bits of a 32-bit float.
    #[n(2)]
    F32(#[n(0)] u32),
    /// The bits of a 64-bit float.
    #[n(3)]
    F64(#[n(0)] u64),
    /// A vector of 128 bits, encoded as 16 little-endian bytes.
    #[n(4)]
    V128(#[cbor(n(0), with = "bytes128")] u128),
}

/// What a state root commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct State {
    /// The BLAKE3 hash of the linear memory.
    #[n(0)]
    pub memory: Hash,
    /// The mutable globals, by index.
    #[n(1)]
    pub globals: Vec<GlobalValue>,
    /// The root of the host table.
    #[n(2)]
    pub host_table: Hash,
    /// The semantics that made the state.
    #[n(3)]
    pub profile: ProfileId,
    /// The module that made the state.
    #[n(4)]
    pub module: ModuleId,
}

impl State {
    /// The state root.
    pub fn root(&self) -> Hash {
        Domain::State.digest(&[
            self.memory.as_bytes(),
            self.host_table.as_bytes(),
            self.profile.as_bytes(),
            self.module.as_bytes(),
            &codec::encode(&self.globals),
        ])
    }
}

macro_rules! bits {
    ($module:ident: $signed:ty as $bits:ty) => {
        mod $module {
            use super::*;

            pub(super) fn encode<C, W: encode::Write>(
                value: &$signed,
                e: &mut Encoder<W>,
                context: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                value.cast_unsigned().encode(e, context)
            }

            pub(super) fn decode<C>(
                d: &mut Decoder<'_>,
                context: &mut C,
            ) -> Result<$signed, decode::Error> {
                <$bits>::decode(d, context).map(<$bits>::cast_signed)
            }
        }
    };
}

bits!(bits32: i32 as u32);
bits!(bits64: i64 as u64);

mod bytes128 {
    use super::*;

    pub(super) fn encode<C, W: encode::Write>(
        value: &u128,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&value.to_le_bytes())?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<u128, decode::Error> {
        crate::id::array(d).map(u128::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
