use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::EdwardsPoint,
    scalar::Scalar,
};
use data_encoding::HEXLOWER;
use ed25519_dalek::Signer;
use proptest::prelude::*;

use super::*;
use crate::SecretKey;

/// Message, key, and the halves of a signature: the cases of "Taming the many EdDSAs" (Chalkias,
/// Garillot, Nikolaenko, 2020), those of its later editions and two of its first.
const EDGES: [[&str; 4]; 14] = [
    [
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
    [
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f",
        "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512",
        "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7",
        "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e",
        "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942",
        "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
    ],
    [
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
    ],
    [
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
    ],
    [
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc",
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
    [
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc",
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
    [
        "fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607",
    ],
    [
        "84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09",
    ],
];

/// Those of the edge cases that a strict check lets pass: mixed orders, cofactorless.
const STRICTLY_GOOD: [usize; 1] = [3];

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

/// What ed25519-dalek says, which is the rule.
fn strictly(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(message, &Given::from_bytes(signature)).is_ok())
}

/// What is said here.
fn here(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let ready = PublicKey::from_bytes(*key).ready();
    let begun = ready.and_then(|key| key.begin(message, &Signature::from_bytes(*signature)));
    let holds = begun.is_some_and(|begun| BegunCheck::finish(&[begun]) == [true]);
    let signature = Signature::from_bytes(*signature);
    assert_eq!(ready.is_some_and(|key| key.holds(message, &signature)), holds, "at once and not");
    holds
}

#[test]
fn the_points_of_small_order_are_these() {
    let mut known = SMALL_ORDER;
    let mut torsion = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    known.sort_unstable();
    torsion.sort_unstable();
    assert_eq!(known, torsion);
}

#[test]
fn edge_cases_are_judged_as_strictly() {
    for (number, [message, key, r, s]) in EDGES.into_iter().enumerate() {
        let (message, key) = (bytes::<32>(message), bytes(key));
        let signature = bytes(&format!("{r}{s}"));
        let holds = here(&key, &message, &signature);
        assert_eq!(holds, strictly(&key, &message, &signature), "case {number}");
        assert_eq!(holds, STRICTLY_GOOD.contains(&number), "case {number}");
    }
}

#[test]
fn keys_of_small_order_are_never_ready() {
    for point in SMALL_ORDER {
        assert_eq!(PublicKey::from_bytes(point).ready(), None);
    }
    // The same points under other spellings: 1 + p, and 0 with the other sign.
    let mut spelled = [0xff; 32];
    (spelled[0], spelled[31]) = (0xee, 0x7f);
    assert_eq!(PublicKey::from_bytes(spelled).ready(), None);
    let mut spelled = [0; 32];
    (spelled[0], spelled[31]) = (0x01, 0x80);
    assert_eq!(PublicKey::from_bytes(spelled).ready(), None);
}

/// A signature made by the equation, with parts of small order mixed into key and commitment.
fn made(
    (secret, nonce): (u64, u64),
    (of_key, of_commitment): (usize, usize),
    message: &[u8],
) -> ([u8; 32], [u8; 64]) {
    let base = |scalar: &Scalar| EdwardsPoint::mul_base(scalar);
    let (secret, nonce) = (Scalar::from(secret), Scalar::from(nonce));
    let key = (base(&secret) + EIGHT_TORSION[of_key]).compress().to_bytes();
    let commitment = (base(&nonce) + EIGHT_TORSION[of_commitment]).compress().to_bytes();
    let challenge = {
        let hasher = Sha512::new().chain_update(commitment).chain_update(key).chain_update(message);
        Scalar::from_bytes_mod_order_wide(&hasher.finalize().into())
    };
    let answer = (nonce + challenge * secret).to_bytes();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&commitment);
    signature[32..].copy_from_slice(&answer);
    (key, signature)
}

/// Adds a number to 32 bytes, little-endian, as far as it fits.
fn plus(bytes: &mut [u8], number: &[u8; 32]) {
    let mut carry = 0;
    for (byte, add) in bytes.iter_mut().zip(number) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
}

/// The order of the base point.
fn order() -> [u8; 32] {
    let mut order = (Scalar::ZERO - Scalar::ONE).to_bytes();
    order[0] += 1;
    order
}

#[test]
fn mixed_orders_are_judged_as_strictly() {
    let mut good = 0;
    for seed in 0..20 {
        for of_key in 0..8 {
            for of_commitment in 0..8 {
                let message = [seed; 9];
                let numbers = (u64::from(seed) * 7 % 5, u64::from(seed) * 3 % 4);
                let (key, signature) = made(numbers, (of_key, of_commitment), &message);
                let holds = here(&key, &message, &signature);
                assert_eq!(holds, strictly(&key, &message, &signature));
                good += usize::from(holds);
            }
        }
    }
    assert!(good > 20, "some hold although orders are mixed: {good}");
}

proptest! {
    #[test]
    fn what_is_signed_holds_and_what_is_changed_does_not(
        seed: [u8; 32],
        message in prop::collection::vec(any::<u8>(), 0..80),
        flipped in 0..512_usize,
    ) {
        let key = SecretKey::from_seed(&seed);
        let public = *key.public().as_bytes();
        let mut signature = key.0.sign(&message).to_bytes();
        prop_assert!(here(&public, &message, &signature));
        prop_assert!(strictly(&public, &message, &signature));
        // Another spelling of the same number.
        let mut longer = signature;
        plus(&mut longer[32..], &order());
        prop_assert_eq!(here(&public, &message, &longer), strictly(&public, &message, &longer));
        signature[flipped / 8] ^= 1 << (flipped % 8);
        prop_assert!(!here(&public, &message, &signature));
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_strictly(key: [u8; 32], r: [u8; 32], s: [u8; 32]) {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        prop_assert_eq!(here(&key, b"m", &signature), strictly(&key, b"m", &signature));
    }
}

#[test]
fn checks_that_are_finished_together_do_not_disturb_each_other() {
    for count in [0, 1, 2, 7, 64_u8] {
        let signed = |number: u8| {
            let key = SecretKey::from_seed(&[number; 32]);
            let signature = key.0.sign(&[number]).to_bytes();
            // Every third is of another message.
            let message = [number ^ u8::from(number.is_multiple_of(3))];
            let ready = key.public().ready().unwrap();
            ready.begin(&message, &Signature::from_bytes(signature)).unwrap()
        };
        let checks: Vec<BegunCheck> = (0..count).map(signed).collect();
        let expected: Vec<bool> = (0..count).map(|number| !number.is_multiple_of(3)).collect();
        assert_eq!(BegunCheck::finish(&checks), expected);
    }
}

#[test]
fn encodings_near_the_modulus_are_judged_as_strictly() {
    let base = ED25519_BASEPOINT_POINT.compress().to_bytes();
    for low in 0xe0..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut spelled = [0xff; 32];
            (spelled[0], spelled[31]) = (low, high);
            for key in [spelled, base] {
                for r in [spelled, base] {
                    let mut signature = [0; 64];
                    signature[..32].copy_from_slice(&r);
                    assert_eq!(here(&key, b"m", &signature), strictly(&key, b"m", &signature));
                }
            }
        }
    }
}
