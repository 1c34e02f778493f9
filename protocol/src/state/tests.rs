use super::*;
use crate::{codec, examples::states};

#[test]
fn a_global_is_its_form_and_its_bits() {
    for (value, bytes) in [
        (GlobalValue::I32(-1), "82001affffffff"),
        (GlobalValue::I32(5), "820005"),
        (GlobalValue::I64(-1), "82011bffffffffffffffff"),
        (GlobalValue::F32(0x7fa0_0000), "82021a7fa00000"),
        (GlobalValue::F64(0), "820300"),
        (GlobalValue::V128(0x0102), "82045002010000000000000000000000000000"),
    ] {
        assert_eq!(data_encoding::HEXLOWER.encode(&codec::encode(&value)), bytes);
        let decoded = codec::decode::<GlobalValue>(&codec::encode(&value));
        assert_eq!(decoded, Ok(value));
    }
}

#[test]
fn every_field_of_a_state_matters() {
    let state = states::state();
    for other in [
        State { memory: Hash::ZERO, ..states::state() },
        State { globals: Vec::new(), ..states::state() },
        State { host_table: Hash::ZERO, ..states::state() },
        State { profile: ProfileId::from_bytes([1; 32]), ..states::state() },
        State { module: ModuleId::from_bytes([1; 32]), ..states::state() },
    ] {
        assert_ne!(other.root(), state.root());
    }
}

#[test]
fn a_page_leads_to_the_hash_of_its_image() {
    for wasm_pages in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 31, 33] {
        let image = states::image_of(wasm_pages);
        let root = Hash::from_bytes(*blake3::hash(&image).as_bytes());
        let pages = states::pages(&image);
        let last = pages.len() - 1;
        let numbers = [0, 1, 3, 15, last / 2, last / 3, last - 15, last - 1, last];
        for (number, proof) in numbers.iter().zip(states::page_proofs(&image, &numbers)) {
            assert_eq!(proof.memory_root(&pages[*number]), Some(root), "{number} of {wasm_pages}");
        }
    }
}

#[test]
fn a_page_leads_to_the_hash_of_no_other_image() {
    let image = states::image();
    let root = Some(Hash::of_blob(&image));
    let pages = states::pages(&image);
    let proof = states::page_proofs(&image, &[79]).remove(0);
    assert_eq!(proof.memory_root(&pages[79]), root);
    let mut changed = pages[79];
    changed[0] = 1;
    assert_ne!(proof.memory_root(&changed), root);
    for page in [0, 15, 78] {
        assert_ne!(PageProof { page, ..proof.clone() }.memory_root(&pages[79]), root);
    }
    for place in 0..proof.siblings.len() {
        let mut other = proof.clone();
        other.siblings[place] = Hash::ZERO;
        assert_ne!(other.memory_root(&pages[79]), root);
        other.siblings.remove(place);
        assert_eq!(other.memory_root(&pages[79]), None);
    }
}

#[test]
fn a_malformed_proof_leads_nowhere() {
    let image = states::image();
    let page = &states::pages(&image)[79];
    let proof = states::page_proofs(&image, &[79]).remove(0);
    let mut longer = proof.clone();
    longer.siblings.push(Hash::ZERO);
    for other in [
        longer,
        PageProof { page: 80, ..proof.clone() },
        PageProof { page: u32::MAX, ..proof.clone() },
        PageProof { pages: 0, ..proof.clone() },
        PageProof { pages: 81, ..proof.clone() },
        PageProof { pages: 96, ..proof.clone() },
        PageProof { pages: u32::MAX, ..proof.clone() },
        PageProof { siblings: Vec::new(), ..proof.clone() },
    ] {
        assert_eq!(other.memory_root(page), None, "{other:?}");
    }
    assert_eq!(proof.memory_root(&page[1..]), None);
    assert_eq!(proof.memory_root(&[]), None);
}

#[test]
fn a_memory_without_pages_is_the_hash_of_nothing() {
    assert_eq!(empty_root().as_bytes(), blake3::hash(b"").as_bytes());
}
