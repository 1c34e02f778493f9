//! What is done with bytes that strangers choose: one check for each family of decoders, and one for
//! the order of logs. Fuzzers feed the checks without end (`docs/fuzzing.md`); the tests of this
//! crate feed them seeds and seeds that were damaged.
//!
//! A check panics if anything does not hold: a decoder that panics, an object with two spellings, an
//! object that decodes to another the second time.
//!
//! # Invariants
//!
//! - A check depends on its bytes alone: no clock, no disk, no randomness.

mod guest;
mod network;
mod objects;
mod seeds;
mod states;
mod values;

use std::fmt::Debug;

use minicbor::{Decode, Encode};
use protocol::{NetworkId, codec};

/// What is done with some bytes.
pub type Check = fn(&[u8]);

/// Something that bytes are thrown at.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it does with bytes.
    pub check: Check,
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "entries", check: objects::entries, seeds: objects::entry_seeds },
    Target { name: "frames", check: objects::frames, seeds: objects::frame_seeds },
    Target { name: "proofs", check: objects::proofs, seeds: objects::proof_seeds },
    Target { name: "states", check: states::states, seeds: states::seeds },
    Target { name: "values", check: values::values, seeds: values::seeds },
    Target { name: "guest", check: guest::guest, seeds: guest::seeds },
    Target { name: "modules", check: guest::modules, seeds: guest::module_seeds },
    Target { name: "network", check: network::network, seeds: network::seeds },
    Target { name: "segments", check: scheduler_unit::fuzzing::segment, seeds: seeds::segments },
    Target { name: "order", check: scheduler_unit::fuzzing::order, seeds: seeds::operations },
];

/// The target of a name.
///
/// # Panics
///
/// If there is none.
pub fn target(name: &str) -> Target {
    let named = TARGETS.iter().find(|target| target.name == name);
    *named.unwrap_or_else(|| panic!("there is no target {name}"))
}

/// The network of all vectors.
const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);

/// Decoders of a family, by the name that their vectors have. The first byte of an input chooses.
type Family = &'static [(&'static str, Check)];

/// Gives an input to the decoder that it chooses.
fn choose(family: Family, bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let chosen = usize::from(*choice).checked_rem(family.len());
    if let Some((_, check)) = chosen.and_then(|chosen| family.get(chosen)) {
        check(bytes);
    }
}

/// Decodes; what decodes has one spelling, and decodes to the same object again.
fn decode<T>(bytes: &[u8]) -> Option<T>
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let object: T = codec::decode(bytes).ok()?;
    let spelled = codec::encode(&object);
    assert_eq!(spelled, bytes, "another spelling of {object:?}");
    assert_eq!(codec::decode::<T>(&spelled).as_ref(), Ok(&object));
    assert_eq!(codec::decode_trusted::<T>(&spelled).as_ref(), Ok(&object));
    Some(object)
}

/// [`decode`] and nothing else.
fn plain<T>(bytes: &[u8])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    decode::<T>(bytes);
}

#[cfg(test)]
mod tests;
