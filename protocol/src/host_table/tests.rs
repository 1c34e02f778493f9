use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::{Strategy, any, prop_oneof},
};

use super::*;
use crate::codec;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn table(entries: &[(&str, &str)]) -> Model {
    entries
        .iter()
        .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// The root by the definition: every level splits by one bit, most significant first.
fn root_by_definition(entries: &[(Hash, Hash)], depth: usize) -> Hash {
    match entries {
        [] => Hash::ZERO,
        [(_, leaf)] => *leaf,
        _ => {
            let one = |key: &Hash| key.as_bytes()[depth / 8] & (0x80 >> (depth % 8)) != 0;
            let (ones, zeros): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, _)| one(key));
            let (left, right) =
                (root_by_definition(&zeros, depth + 1), root_by_definition(&ones, depth + 1));
            Domain::MerkleNode.digest(&[left.as_bytes(), right.as_bytes()])
        }
    }
}

/// What is done to a table.
#[derive(Debug, Clone)]
enum Step {
    Insert(u8, Vec<u8>),
    Remove(u8),
    Root,
    Snapshot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..60_u8, vec(any::<u8>(), 0..3)).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => (0..60_u8).prop_map(Step::Remove),
        1 => proptest::strategy::Just(Step::Root),
        1 => proptest::strategy::Just(Step::Snapshot),
    ];
    vec(step, 0..200)
}

#[track_caller]
fn assert_same(table: &HostTable, model: &Model) {
    assert_eq!(table.len(), model.len());
    assert_eq!(table.is_empty(), model.is_empty());
    assert_eq!(table.root(), host_table_root(model));
    for key in 0..=u8::MAX {
        assert_eq!(table.get(&[key]), model.get([key].as_slice()).map(Vec::as_slice));
    }
    let mut sorted: Vec<_> = model.iter().map(|(key, value)| (key_digest(key), value)).collect();
    sorted.sort_unstable();
    let listed: Vec<_> =
        table.iter().map(|(key, value)| (key_digest(key), value.to_vec())).collect();
    assert!(listed.iter().map(|(key, value)| (*key, value)).eq(sorted));
}

/// A proof with one bit of one byte changed, for each byte, where it can still be read.
fn tampered(proof: &KeyProof) -> Vec<KeyProof> {
    let bytes = codec::encode(proof);
    let flips = (0..bytes.len()).map(|place| {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        bytes
    });
    flips.filter_map(|bytes| codec::decode(&bytes).ok()).collect()
}

fn filled(count: u32) -> HostTable {
    let mut table = HostTable::new();
    (0..count).for_each(|key| table.insert(&key.to_be_bytes(), &[1]));
    table
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        cases: 64,
        ..Default::default()
    })]

    #[test]
    fn a_table_is_a_map_and_its_snapshots_stay(steps in steps()) {
        let (mut table, mut model) = (HostTable::new(), Model::new());
        let mut snapshots = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    table.insert(&[key], &value);
                    model.insert(vec![key], value);
                }
                Step::Remove(key) => {
                    table.remove(&[key]);
                    model.remove([key].as_slice());
                }
                Step::Root => assert_eq!(table.root(), host_table_root(&model)),
                Step::Snapshot => snapshots.push((table.clone(), model.clone())),
            }
            assert_eq!(table.len(), model.len());
        }
        snapshots.push((table, model));
        snapshots.iter().for_each(|(table, model)| assert_same(table, model));
    }

    #[test]
    fn a_proof_shows_what_the_table_has_and_nothing_else(
        entries in btree_map(any::<u8>(), vec(any::<u8>(), 0..3), 0..40),
        keys in vec(any::<u8>(), 8),
    ) {
        let mut table = HostTable::new();
        entries.iter().for_each(|(key, value)| table.insert(&[*key], value));
        let root = table.root();
        for key in keys.into_iter().chain(entries.keys().copied().take(4)) {
            let value = entries.get(&key).map(Vec::as_slice);
            let proof = table.prove(&[key]);
            assert!(proof.verify(&root, &[key], value));
            assert!(!proof.verify(&root, &[key], Some(b"another")));
            assert!(!proof.verify(&root, &[key], None) || value.is_none());
            assert!(!proof.verify(&Hash::from_bytes([1; 32]), &[key], value));
            for other in tampered(&proof) {
                assert!(!other.verify(&root, &[key], value), "{other:?}");
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition(
        entries in btree_map(any::<Vec<u8>>(), any::<Vec<u8>>(), 0..40),
    ) {
        let leaves: Vec<(Hash, Hash)> = entries
            .iter()
            .map(|(key, value)| {
                let key = Domain::HostTableKey.digest(&[key]);
                (key, Domain::HostTableLeaf.digest(&[key.as_bytes(), value]))
            })
            .collect();
        assert_eq!(host_table_root(&entries), root_by_definition(&leaves, 0));
    }
}

#[test]
fn an_empty_table_has_the_zero_root() {
    assert_eq!(host_table_root(&BTreeMap::new()), Hash::ZERO);
}

#[test]
fn every_key_and_value_matters() {
    let root = host_table_root(&table(&[("a", "1"), ("b", "2"), ("c", "3")]));
    for other in [
        table(&[("a", "1"), ("b", "2")]),
        table(&[("a", "1"), ("b", "2"), ("c", "4")]),
        table(&[("a", "1"), ("b", "2"), ("d", "3")]),
        table(&[("a", "2"), ("b", "1"), ("c", "3")]),
        table(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "")]),
    ] {
        assert_ne!(host_table_root(&other), root);
    }
}

#[test]
fn what_keeps_a_value_keeps_the_nodes() {
    let mut table = filled(100);
    let before = table.clone();
    table.insert(&7_u32.to_be_bytes(), &[1]);
    table.remove(b"absent");
    let (Node::Branch(old), Node::Branch(new)) = (&before.top, &table.top) else {
        panic!("a hundred keys have a branch");
    };
    assert!(Arc::ptr_eq(old, new));
}

#[test]
fn a_proof_has_no_sibling_too_many_or_too_few() {
    let table = filled(100);
    let (root, key) = (table.root(), 7_u32.to_be_bytes());
    let proof = table.prove(&key);
    for place in 0..=proof.siblings.len() {
        let mut longer = proof.clone();
        longer.siblings.insert(place, Hash::ZERO);
        assert!(!longer.verify(&root, &key, Some(&[1])));
    }
    for place in 0..proof.siblings.len() {
        let mut shorter = proof.clone();
        shorter.siblings.remove(place);
        assert!(!shorter.verify(&root, &key, Some(&[1])));
    }
    let endless = KeyProof { siblings: vec![Hash::ZERO; 257], other: None };
    assert_eq!(endless.root_from(&key, Some(&[1])), None);
}

#[test]
fn the_leaf_of_another_place_shows_nothing() {
    let table = filled(100);
    let key = 7_u32.to_be_bytes();
    let absent = (100_u32..).map(u32::to_be_bytes);
    let (absent, proof) = absent
        .map(|key| (key, table.prove(&key)))
        .find(|(_, proof)| proof.other.is_some())
        .unwrap();
    assert!(proof.verify(&table.root(), &absent, None));
    assert!(!proof.verify(&table.root(), &key, None));
    let present = table.prove(&key);
    let other = Some(OtherKey { key: key_digest(&key), value: vec![1] });
    let own = KeyProof { other, ..present };
    assert!(!own.verify(&table.root(), &key, None));
}

#[test]
fn a_table_goes_where_threads_go() {
    const fn check<T: Send + Sync + 'static>() {}
    check::<HostTable>();
}
