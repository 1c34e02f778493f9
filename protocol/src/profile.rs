//! Profiles: everything about execution that two units must agree on.

use minicbor::{Decode, Encode};

use crate::{Domain, ProfileId, codec};

/// The semantics of execution. The engine's version is not part of it: an engine is admitted to a
/// profile by passing its conformance tests.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Profile {
    /// Counts profiles.
    #[n(0)]
    pub number: u32,
    /// The version of the preparation pass: instrumentation, gas table and stack weights.
    #[n(1)]
    pub preparation: u32,
    /// The WebAssembly proposals that are on, sorted.
    #[n(2)]
    pub features: Vec<String>,
    /// How NaN bits are chosen.
    #[n(3)]
    pub nan: String,
    /// How deep values may nest.
    #[n(4)]
    pub nesting: u32,
    /// The guest contract.
    #[n(5)]
    pub abi: u32,
    /// The effects that are executed, by number.
    #[n(6)]
    pub effects: Vec<u8>,
    /// The entry kinds that are executed, by number.
    #[n(7)]
    pub entries: Vec<u8>,
    /// Pure host functions with their prices; none so far.
    #[n(8)]
    pub host_functions: Vec<(String, u64)>,
}

impl Profile {
    /// The first profile.
    pub fn v1() -> Self {
        let features = [
            "bulk-memory",
            "extended-const",
            "multi-value",
            "mutable-global",
            "reference-types",
            "saturating-float-to-int",
            "sign-extension",
            "simd",
        ];
        Self {
            number: 1,
            preparation: 1,
            features: features.map(str::to_owned).to_vec(),
            nan: "canonical".to_owned(),
            nesting: crate::Value::DEPTH_MAX,
            abi: crate::abi::ABI_VERSION,
            effects: vec![0, 1, 2],
            entries: vec![0, 1, 2],
            host_functions: Vec::new(),
        }
    }

    /// The second profile: asks, replies, spawns by actors, timers, answers, and evidence.
    pub fn v2() -> Self {
        Self {
            number: 2,
            effects: vec![0, 1, 2, 3, 4, 6, 7, 8],
            entries: vec![0, 1, 2, 3, 4, 5, 6],
            ..Self::v1()
        }
    }

    /// The profile of processes that name no other.
    pub fn current() -> Self {
        Self::v2()
    }

    /// The profile with an id, if it is known here.
    pub fn of(id: &ProfileId) -> Option<Self> {
        [Self::v2(), Self::v1()].into_iter().find(|profile| profile.id() == *id)
    }

    /// The profile's id.
    pub fn id(&self) -> ProfileId {
        ProfileId::from_bytes(*Domain::Profile.digest(&[&codec::encode(self)]).as_bytes())
    }
}
