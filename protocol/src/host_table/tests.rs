use std::collections::BTreeMap;

use proptest::{collection::btree_map, prelude::any};

use super::*;

fn table(entries: &[(&str, &str)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
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

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        cases: 64,
        ..Default::default()
    })]

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
