use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::any};

use super::*;
use crate::examples::states;

type Nodes = BTreeMap<Hash, Vec<u8>>;

fn built(image: &[u8]) -> (MemoryIndex, Nodes) {
    let mut nodes = Nodes::new();
    let index = MemoryIndex::build(states::page_entries(image), |address, bytes| {
        nodes.insert(address, bytes);
    });
    (index.unwrap(), nodes)
}

#[test]
fn an_index_has_the_root_of_its_image_and_leads_to_its_pages() {
    // The height grows behind 4 and 256 Wasm pages.
    for (wasm_pages, height) in
        [(0, 0), (1, 0), (3, 0), (4, 0), (5, 1), (64, 1), (256, 1), (257, 2)]
    {
        let image = states::image_of(wasm_pages);
        let (index, nodes) = built(&image);
        assert_eq!(index.height, height);
        assert_eq!(index.memory_root(), Some(Hash::of_blob(&image)), "{wasm_pages}");
        let entries = index.page_entries(|address| nodes.get(address).cloned()).unwrap();
        assert_eq!(entries, states::page_entries(&image));
        assert!(nodes.values().all(|node| node.len() <= STATE_PAGE_BYTES));
    }
}

#[test]
fn a_changed_page_changes_one_node_on_each_level() {
    let mut image = states::image_of(257);
    let (index, nodes) = built(&image);
    image[1_000 * STATE_PAGE_BYTES] ^= 1;
    let (changed, others) = built(&image);
    assert_eq!(others.keys().filter(|address| !nodes.contains_key(address)).count(), 2);
    assert_eq!(changed.root.iter().zip(&index.root).filter(|(a, b)| a != b).count(), 1);
}

#[test]
fn a_page_of_zeros_has_no_address_and_is_checked() {
    let entry = PageEntry::of_page(5, &ZEROS);
    assert_eq!(entry.address, Hash::ZERO);
    assert!(entry.is_of_page(5, &ZEROS));
    assert!(!entry.is_of_page(6, &ZEROS));
    assert!(!entry.is_of_page(5, &ZEROS[1..]));
    assert!(!PageEntry { cv: Hash::ZERO, ..entry }.is_of_page(5, &ZEROS));
    let mut entries = states::page_entries(&states::image());
    entries[3].address = Hash::ZERO;
    let mut nodes = Nodes::new();
    let index = MemoryIndex::build(entries, |address, bytes| {
        nodes.insert(address, bytes);
    });
    let index = index.unwrap();
    assert_eq!(index.memory_root(), Some(Hash::of_blob(&states::image())));
    let read = index.page_entries(|address| nodes.get(address).cloned());
    assert_eq!(read, Err(CheckpointError::ChainingValue(Hash::ZERO)));
}

#[test]
fn a_wrong_node_is_not_read() {
    let (index, nodes) = built(&states::image());
    let first = index.root[0].address;
    let read = |bytes: Option<&[u8]>| {
        index.page_entries(|address| {
            if *address == first { bytes.map(<[u8]>::to_vec) } else { nodes.get(address).cloned() }
        })
    };
    assert!(read(Some(&nodes[&first])).is_ok());
    assert_eq!(read(None), Err(CheckpointError::Missing(first)));
    let mut changed = nodes[&first].clone();
    changed[0] ^= 1;
    assert_eq!(read(Some(&changed)), Err(CheckpointError::Address(first)));
    // The same chaining value, by fewer entries.
    let (halves, entry) = halved(&index.root[0], &nodes[&first]);
    let mut forged = index.clone();
    forged.root[0] = entry;
    let read = forged.page_entries(|address| {
        if *address == entry.address { Some(halves.encode()) } else { nodes.get(address).cloned() }
    });
    assert_eq!(read, Err(SHAPE));
    // Another chaining value than that of the entries.
    let mut forged = index.clone();
    forged.root[0].cv = Hash::ZERO;
    let read = forged.page_entries(|address| nodes.get(address).cloned());
    assert_eq!(read, Err(CheckpointError::ChainingValue(first)));
}

/// A node of two entries with the chaining value of one of 64.
fn halved(entry: &PageEntry, bytes: &[u8]) -> (MemoryNode, PageEntry) {
    let node = MemoryNode::decode(bytes).unwrap();
    let half = |entries: &[PageEntry]| PageEntry {
        address: Hash::ZERO,
        cv: MemoryNode::new(entries.to_vec()).unwrap().cv(),
    };
    let (left, right) = node.entries().split_at(32);
    let node = MemoryNode::new(vec![half(left), half(right)]).unwrap();
    assert_eq!(node.cv(), entry.cv);
    let entry = PageEntry { address: Hash::of_blob(&node.encode()), cv: entry.cv };
    (node, entry)
}

#[test]
fn an_index_of_another_shape_is_refused() {
    let (index, _) = built(&states::image());
    assert_eq!(index.check(), Ok(()));
    let entry = index.root[0];
    for other in [
        MemoryIndex { pages: 4, ..index.clone() },
        MemoryIndex { pages: 9, ..index.clone() },
        MemoryIndex { pages: u32::MAX, ..index.clone() },
        MemoryIndex { height: 0, ..index.clone() },
        MemoryIndex { height: 2, ..index.clone() },
        MemoryIndex { height: 2, root: vec![entry], ..index.clone() },
        MemoryIndex { height: u8::MAX, root: vec![entry], ..index.clone() },
        MemoryIndex { height: 0, root: vec![entry; 80], ..index.clone() },
        MemoryIndex { root: Vec::new(), ..index.clone() },
        MemoryIndex { pages: 0, height: 1, root: Vec::new() },
        MemoryIndex { pages: 0, height: 0, root: vec![entry] },
        MemoryIndex { pages: 65_537, height: 3, root: vec![entry; 5] },
    ] {
        assert_eq!(other.check(), Err(SHAPE), "{other:?}");
        assert_eq!(other.memory_root(), None);
        assert_eq!(other.page_entries(|_| None), Err(SHAPE));
    }
    let largest = MemoryIndex { pages: 65_536, height: 3, root: vec![entry; 4] };
    assert_eq!(largest.check(), Ok(()));
}

#[test]
fn no_memory_has_a_part_of_a_wasm_page() {
    let entries = states::page_entries(&states::image());
    assert_eq!(MemoryIndex::build(entries[1..].to_vec(), |_, _| {}), Err(SHAPE));
}

#[test]
fn a_node_has_1_to_64_entries() {
    let entry = PageEntry::of_page(0, &ZEROS);
    for count in 0..200 {
        let node = MemoryNode::new(vec![entry; count]);
        let read = MemoryNode::decode(&[0; PageEntry::BYTES].repeat(count));
        assert_eq!(node.is_some(), (1..=64).contains(&count));
        assert_eq!(read.is_ok(), (1..=64).contains(&count));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        cases: 64,
        ..Default::default()
    })]

    #[test]
    fn a_node_has_one_spelling(bytes in vec(any::<u8>(), 0..5_000)) {
        let whole = bytes.len() / PageEntry::BYTES * PageEntry::BYTES;
        for bytes in [&bytes[..], &bytes[..whole]] {
            if let Ok(node) = MemoryNode::decode(bytes) {
                assert_eq!(node.encode(), bytes);
            } else {
                assert!(bytes.len() % PageEntry::BYTES != 0 || bytes.is_empty() || bytes.len() > 4_096);
            }
        }
    }
}
