use std::collections::BTreeSet;

use super::*;

#[test]
fn every_domain_has_a_context_of_its_own() {
    let contexts: BTreeSet<&str> = Domain::ALL.iter().map(|domain| domain.context()).collect();
    assert_eq!(contexts.len(), Domain::ALL.len());
    assert!(contexts.iter().all(|context| context.starts_with("antiphon v1 ")));
}

#[test]
fn equal_bytes_in_different_domains_have_different_digests() {
    let digests: BTreeSet<Hash> =
        Domain::ALL.iter().map(|domain| domain.digest(&[b"same"])).collect();
    assert_eq!(digests.len(), Domain::ALL.len());
}

#[test]
fn a_digest_is_that_of_the_concatenation() {
    let digest = Domain::Chain.digest(&[b"ab", b"c"]);
    assert_eq!(digest, Domain::Chain.digest(&[b"abc"]));
    assert_eq!(*digest.as_bytes(), blake3::derive_key("antiphon v1 chain", b"abc"));
}

#[test]
fn a_digest_is_that_of_the_context_of_its_domain() {
    for domain in Domain::ALL {
        let mut hasher = blake3::Hasher::new_derive_key(domain.context());
        let expected = hasher.update(b"ab").update(&[7; 5_000]).finalize();
        assert_eq!(domain.digest(&[b"ab", &[7; 5_000]]).as_bytes(), expected.as_bytes());
    }
}

#[test]
fn a_hash_is_shown_as_hex() {
    assert_eq!(Hash::from_bytes([0x0f; 32]).to_string(), "0f".repeat(32));
}
