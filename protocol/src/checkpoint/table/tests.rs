use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    collection::{btree_map, vec},
    prelude::any,
};

use super::*;
use crate::examples::states;

type Chunks = BTreeMap<Hash, Vec<u8>>;

fn built(table: &HostTable) -> (HostTableIndex, Chunks) {
    let mut chunks = Chunks::new();
    let index = HostTableIndex::build(table, |address, bytes| {
        chunks.insert(address, bytes);
    });
    (index, chunks)
}

fn filled(keys: impl IntoIterator<Item = u32>) -> HostTable {
    let mut table = HostTable::new();
    keys.into_iter().for_each(|key| table.insert(&key.to_be_bytes(), b"a value of some bytes"));
    table
}

/// The chunks of a table, in order.
fn listed(table: &HostTable) -> (Vec<Hash>, Chunks) {
    let (HostTableIndex::Chunks(addresses), chunks) = built(table) else {
        panic!("the table stands inline");
    };
    (addresses, chunks)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        cases: 64,
        ..Default::default()
    })]

    #[test]
    fn a_table_is_read_as_it_was(
        entries in btree_map(vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..40), 0..200),
    ) {
        let mut table = HostTable::new();
        entries.iter().for_each(|(key, value)| table.insert(key, value));
        let (index, chunks) = built(&table);
        let read = index.read(|address| chunks.get(address).cloned()).unwrap();
        assert_eq!(read.root(), table.root());
        assert_eq!(read.len(), entries.len());
        assert_eq!(codec::decode(&codec::encode(&index)), Ok(index));
    }
}

#[test]
fn a_table_stands_inline_up_to_1_024_bytes() {
    // The array, a pair, and the header of the value take six bytes.
    for (bytes, inline) in [(0, true), (1_018, true), (1_019, false), (5_000, false)] {
        let mut table = HostTable::new();
        table.insert(b"", &vec![7; bytes]);
        assert_eq!(matches!(built(&table).0, HostTableIndex::Inline(_)), inline, "{bytes}");
    }
    assert_eq!(built(&HostTable::new()).0, HostTableIndex::Inline(Vec::new()));
}

#[test]
fn a_changed_entry_changes_one_chunk() {
    let mut table = filled(0..2_000);
    let before: BTreeSet<Hash> = listed(&table).0.into_iter().collect();
    assert!(before.len() > 20, "{}", before.len());
    table.insert(&77_u32.to_be_bytes(), b"another");
    let after: BTreeSet<Hash> = listed(&table).0.into_iter().collect();
    assert_eq!(after.difference(&before).count(), 1);
    table.remove(&78_u32.to_be_bytes());
    table.insert(b"new", b"");
    let last: BTreeSet<Hash> = listed(&table).0.into_iter().collect();
    assert!(last.difference(&after).count() <= 4);
}

#[test]
fn a_chunk_ends_behind_one_key_of_32_or_1_024_entries() {
    let ending = |last: u8| {
        let mut digest = [1; 32];
        digest[31] = last;
        Hash::from_bytes(digest)
    };
    for last in 0..=u8::MAX {
        assert_eq!(ends_chunk(1, &ending(last)), last % 32 == 0);
    }
    assert!(!ends_chunk(1_023, &ending(1)));
    assert!(ends_chunk(1_024, &ending(1)));
}

#[test]
fn wrong_chunks_are_not_read() {
    let (addresses, chunks) = listed(&states::large_table());
    let read = |addresses: &[Hash], chunks: &Chunks| {
        HostTableIndex::Chunks(addresses.to_vec()).read(|address| chunks.get(address).cloned())
    };
    assert!(read(&addresses, &chunks).is_ok());
    let first = addresses[0];
    let mut other = chunks.clone();
    other.get_mut(&first).unwrap().push(0);
    assert_eq!(read(&addresses, &other).unwrap_err(), CheckpointError::Address(first));
    other.remove(&first);
    assert_eq!(read(&addresses, &other).unwrap_err(), CheckpointError::Missing(first));
    let mut backwards = addresses.clone();
    backwards.swap(0, 1);
    for order in [backwards, vec![first, first]] {
        let refused = read(&order, &chunks).unwrap_err();
        assert!(matches!(refused, CheckpointError::Shape(_)), "{refused}");
    }
    let twice = [vec![0x82], [0x82, 0x41, 1, 0x41, 2].repeat(2)].concat();
    for bytes in [vec![0x80], twice, vec![0x98, 1, 0x82, 0x40, 0x40], vec![0xff]] {
        let address = Hash::of_blob(&bytes);
        assert!(read(&[address], &Chunks::from([(address, bytes)])).is_err());
    }
}

#[test]
fn wrong_inline_entries_are_not_read() {
    let (HostTableIndex::Inline(entries), _) = built(&states::host_table()) else {
        panic!("the table is small");
    };
    let read = |entries: &[_]| HostTableIndex::Inline(entries.to_vec()).read(|_| None);
    assert!(read(&entries).is_ok());
    let mut backwards = entries.clone();
    backwards.reverse();
    let large = [(ByteVec::from(Vec::new()), ByteVec::from(vec![0; 2_000]))];
    let twice = [entries[0].clone(), entries[0].clone()];
    for entries in [&backwards[..], &large, &twice] {
        let refused = read(entries).unwrap_err();
        assert!(matches!(refused, CheckpointError::Shape(_)), "{refused}");
    }
}
