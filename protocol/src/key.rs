//! Ed25519 keys and signatures (RFC 8032), verified strictly: two units never disagree on whether
//! a signature holds.

mod ready;

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::{AccountId, Domain, Hash, OperatorId, UnitId, id::array};

pub use ready::{BegunCheck, ReadyKey};

/// The algorithm byte of Ed25519 in an authority and in an account's digest.
pub(crate) const ED25519: u8 = 1;

/// A secret key. Wiped from memory when dropped, and never shown.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed (RFC 8032 section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed of the key, for storing it.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a digest that already carries its domain.
    pub fn sign(&self, digest: &Hash) -> Signature {
        Signature(self.0.sign(&signed_bytes(digest)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public())
    }
}

/// A public key: 32 bytes that may or may not be a point; only verification tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps the 32 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Borrows the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The account this key acts for.
    pub fn account(&self) -> AccountId {
        AccountId::from_bytes(*Domain::Account.digest(&[&[ED25519], &self.0]).as_bytes())
    }

    /// The unit this key is.
    pub const fn unit(&self) -> UnitId {
        UnitId::from_bytes(self.0)
    }

    /// The operator this key is.
    pub const fn operator(&self) -> OperatorId {
        OperatorId::from_bytes(self.0)
    }

    /// Whether the signature is this key's over the digest, by the strict rules: small-order
    /// points and non-canonical encodings never verify.
    #[must_use]
    pub fn verifies(&self, digest: &Hash, signature: &Signature) -> bool {
        self.ready().is_some_and(|key| key.verifies(digest, signature))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hash::from_bytes(self.0), f)
    }
}

impl From<UnitId> for PublicKey {
    fn from(unit: UnitId) -> Self {
        Self(*unit.as_bytes())
    }
}

impl From<OperatorId> for PublicKey {
    fn from(operator: OperatorId) -> Self {
        Self(*operator.as_bytes())
    }
}

/// A signature of 64 bytes, not yet checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Wraps the 64 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Borrows the bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

macro_rules! as_byte_string {
    ($name:ident) => {
        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                array(d).map(Self)
            }
        }
    };
}

as_byte_string!(PublicKey);
as_byte_string!(Signature);

/// What Ed25519 signs: a versioned domain string, then the digest.
fn signed_bytes(digest: &Hash) -> [u8; 54] {
    const DOMAIN: &[u8; 22] = b"antiphon v1 signature\0";
    let mut bytes = [0; 54];
    let (domain, rest) = bytes.split_at_mut(DOMAIN.len());
    domain.copy_from_slice(DOMAIN);
    rest.copy_from_slice(digest.as_bytes());
    bytes
}
