//! Public keys made ready for checking many signatures.
//!
//! # Invariants
//!
//! - A signature holds here exactly where `verify_strict` of ed25519-dalek says so, in every case.

use curve25519_dalek::{edwards::EdwardsPoint, scalar::Scalar};
use ed25519_dalek::{Digest, Sha512, Signature as Given, Verifier, VerifyingKey};

use super::{PublicKey, Signature, signed_bytes};
use crate::Hash;

/// The canonical encodings of the eight points of small order (RFC 7748, Ed25519's cofactor is 8).
const SMALL_ORDER: [[u8; 32]; 8] = [
    with_ends(0x01, 0x00, 0x00),
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0x00, 0x00, 0x00),
    with_ends(0x00, 0x00, 0x80),
    ORDER_EIGHT,
    negated(ORDER_EIGHT),
    OTHER_ORDER_EIGHT,
    negated(OTHER_ORDER_EIGHT),
];

/// One point of order 8.
const ORDER_EIGHT: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// The one of order 8 with the negative `y`.
const OTHER_ORDER_EIGHT: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];

/// A public key that is a point, and one for which signatures can hold.
///
/// Finding out costs about a tenth of a check: whoever sees a key often keeps it in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyKey(VerifyingKey);

impl PublicKey {
    /// The key made ready; nothing if no signature of it holds, for it is no point or one of small
    /// order.
    pub fn ready(&self) -> Option<ReadyKey> {
        let key = VerifyingKey::from_bytes(&self.0).ok()?;
        (!key.is_weak()).then_some(ReadyKey(key))
    }
}

/// A check of a signature that lacks its last step, which is cheap for many at a time.
#[derive(Debug, Clone, Copy)]
pub struct BegunCheck {
    /// The point R that the rest of the signature leads to.
    found: EdwardsPoint,
    /// How the signature encodes it.
    given: [u8; 32],
}

impl ReadyKey {
    /// The key this is.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_bytes())
    }

    /// Whether the signature is this key's over the digest, as [`PublicKey::verifies`] tells.
    #[must_use]
    pub fn verifies(&self, digest: &Hash, signature: &Signature) -> bool {
        self.holds(&signed_bytes(digest), signature)
    }

    fn holds(&self, message: &[u8], signature: &Signature) -> bool {
        // A plain check computes the point R anew and compares encodings. Where it succeeds, R is
        // encoded canonically, so what its order is can be told without finding the point.
        !SMALL_ORDER.contains(&signature.halves().0)
            && self.0.verify(message, &Given::from_bytes(&signature.0)).is_ok()
    }

    /// Begins to find out whether the signature is this key's over the digest, as
    /// [`PublicKey::verifies`] tells; nothing if it is clear already that it is not.
    #[must_use]
    pub fn begin_check(&self, digest: &Hash, signature: &Signature) -> Option<BegunCheck> {
        self.begin(&signed_bytes(digest), signature)
    }

    /// All but the last step of RFC 8032, section 5.1.7, without cofactor.
    fn begin(&self, message: &[u8], signature: &Signature) -> Option<BegunCheck> {
        let (r, s) = signature.halves();
        if SMALL_ORDER.contains(&r) {
            return None;
        }
        let s = Scalar::from_canonical_bytes(s).into_option()?;
        let hash = Sha512::new().chain_update(r).chain_update(self.0.as_bytes());
        let challenge = Scalar::from_hash(hash.chain_update(message));
        let key = -self.0.to_edwards();
        let found = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &key, &s);
        Some(BegunCheck { found, given: r })
    }
}

impl BegunCheck {
    /// Whether each of the signatures holds. Encoding a point takes an inversion, a sixth of a check;
    /// all of them together take one.
    #[must_use]
    pub fn finish(checks: &[Self]) -> Vec<bool> {
        let points: Vec<EdwardsPoint> = checks.iter().map(|check| check.found).collect();
        let encoded = EdwardsPoint::compress_batch_alloc(&points);
        checks.iter().zip(encoded).map(|(check, found)| check.given == found.to_bytes()).collect()
    }
}

impl Signature {
    /// The encodings of the point R and of the number S.
    fn halves(&self) -> ([u8; 32], [u8; 32]) {
        let (r, s) = self.0.split_at(32);
        let half = |half: &[u8]| half.try_into().expect("a signature has 64 bytes");
        (half(r), half(s))
    }
}

/// 32 bytes: the first, those between and the last.
const fn with_ends(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    let [head, .., tail] = &mut bytes;
    *head = first;
    *tail = last;
    bytes
}

/// The encoding of the point with the other `x`.
const fn negated(mut point: [u8; 32]) -> [u8; 32] {
    let [.., tail] = &mut point;
    *tail ^= 0x80;
    point
}

#[cfg(test)]
mod tests;
