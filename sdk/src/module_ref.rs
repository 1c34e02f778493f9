//! References to modules, for spawning children of them.

use std::fmt;

use protocol::{Acceptance, ModuleId, Signature, UnitId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A module that a compute unit of this process's policy can run.
///
/// [`Context::own_module`](crate::Context::own_module) gives this process's own, and a caller may hand
/// over any other: [`Context::spawn`](crate::Context::spawn) makes a child of it.
///
/// As an argument it is `{"module": "mod1...", "unit": "unit1...", "signature": bytes}`, where unit
/// and signature are the unit's acceptance of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRef {
    module: ModuleId,
    acceptance: Acceptance,
}

impl ModuleRef {
    /// A module with the word of a unit that it can run.
    pub const fn new(module: ModuleId, acceptance: Acceptance) -> Self {
        Self { module, acceptance }
    }

    /// The module.
    pub const fn module(&self) -> ModuleId {
        self.module
    }

    /// The word of a unit that it can run.
    pub fn acceptance(&self) -> Acceptance {
        self.acceptance.clone()
    }
}

/// The form of a reference outside of this module.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    module: ModuleId,
    unit: UnitId,
    signature: Bytes,
}

/// The bytes of a signature.
struct Bytes([u8; 64]);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the 64 bytes of a signature")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                let bytes = bytes.try_into();
                bytes.map(Bytes).map_err(|_| E::custom("a signature has 64 bytes"))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}

impl Serialize for ModuleRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Acceptance { unit, signature } = &self.acceptance;
        let fields =
            Fields { module: self.module, unit: *unit, signature: Bytes(*signature.as_bytes()) };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ModuleRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { module, unit, signature } = Fields::deserialize(deserializer)?;
        let signature = Signature::from_bytes(signature.0);
        Ok(Self::new(module, Acceptance { unit, signature }))
    }
}
