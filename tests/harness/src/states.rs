//! States, checkpoints and the blobs that they lead to, as a stranger may hand them out.

use std::collections::{BTreeMap, HashMap};

use minicbor::bytes::ByteVec;
use protocol::{
    Checkpoint, CheckpointState, GlobalValue, Hash, HostTable, HostTableIndex, KeyProof,
    MemoryIndex, MemoryNode, PageEntry, PageProof, STATE_PAGE_BYTES, Signed, State, StateStatement,
    codec, host_table_root,
};

use crate::{Family, choose, decode, plain, seeds};

pub(crate) const STATES: Family = &[
    ("Checkpoint", checkpoint),
    ("MemoryNode", memory_node),
    ("HostTable", host_table),
    ("HostTableChunk", host_table),
    ("State", state),
    ("GlobalValue", plain::<GlobalValue>),
    ("PageProof", page_proof),
    ("KeyProof", key_proof),
    ("CheckpointAnswer", plain::<protocol::api::Response>),
    ("Signed<StateStatement>", plain::<Signed<StateStatement>>),
    ("MemoryIndex", memory_index),
];

pub(crate) fn states(bytes: &[u8]) {
    choose(STATES, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    seeds::vectors(STATES)
}

fn checkpoint(bytes: &[u8]) {
    let Some(checkpoint) = decode::<Checkpoint>(bytes) else { return };
    assert_eq!(checkpoint.address(), Hash::of_blob(bytes));
    let _ = checkpoint.spawn();
    let CheckpointState::Live { memory, host_table, .. } = &checkpoint.state else { return };
    memory_index(&codec::encode(memory));
    let Ok(table) = host_table.read(|_| None) else { return };
    let _ = checkpoint.state(&table);
    let mut chunks = HashMap::new();
    let again = HostTableIndex::build(&table, |address, chunk| drop(chunks.insert(address, chunk)));
    assert_eq!(&again, host_table, "an inline table has one spelling");
}

/// A tree whose only blob is the rest of the input, which stands for any address.
fn memory_index(bytes: &[u8]) {
    let Some(index) = decode::<MemoryIndex>(bytes) else { return };
    assert_eq!(index.check().is_ok(), index.memory_root().is_some());
    let _ = index.page_entries(|_| None);
    let _ = index.page_entries(|_| Some(bytes.to_vec()));
}

fn memory_node(bytes: &[u8]) {
    let Ok(node) = MemoryNode::decode(bytes) else { return };
    assert_eq!(node.encode(), bytes);
    let entry = PageEntry { address: Hash::of_blob(bytes), cv: node.cv() };
    assert_eq!(entry.node(bytes).as_ref(), Ok(&node));
    let pages = u32::try_from(node.entries().len()).unwrap_or_default() / 16;
    let whole = MemoryIndex { pages, height: 0, root: node.entries().to_vec() };
    if whole.check().is_ok() {
        let _ = whole.page_entries(|_| None);
        let built = MemoryIndex::build(node.entries().to_vec(), |_, _| {});
        assert_eq!(built.as_ref(), Ok(&whole));
    }
}

/// A table in memory, at once and in any order of inserts, and the proofs of what it has.
fn host_table(bytes: &[u8]) {
    let Some(entries) = decode::<Vec<(ByteVec, ByteVec)>>(bytes) else { return };
    let mut table = HostTable::new();
    let mut plain = BTreeMap::new();
    for (key, value) in &entries {
        table.insert(key, value);
        plain.insert(key.to_vec(), value.to_vec());
    }
    let root = table.root();
    assert_eq!(root, host_table_root(&plain));
    let mut chunks = HashMap::new();
    let index = HostTableIndex::build(&table, |address, chunk| drop(chunks.insert(address, chunk)));
    let read = index.read(|address| chunks.get(address).cloned());
    assert_eq!(read.map(|read| read.root()), Ok(root));
    for (key, _) in entries.iter().take(8) {
        let proof = table.prove(key);
        assert!(proof.verify(&table.root(), key, table.get(key)));
        assert_eq!(decode::<KeyProof>(&codec::encode(&proof)), Some(proof));
        table.remove(key);
        plain.remove(&key[..]);
        let (proof, root) = (table.prove(key), table.root());
        assert_eq!(root, host_table_root(&plain));
        assert!(proof.verify(&root, key, None));
    }
}

fn state(bytes: &[u8]) {
    if let Some(state) = decode::<State>(bytes) {
        state.root();
    }
}

fn page_proof(bytes: &[u8]) {
    if let Some(proof) = decode::<PageProof>(bytes) {
        proof.memory_root(&[7; STATE_PAGE_BYTES]);
        proof.memory_root(bytes);
    }
}

fn key_proof(bytes: &[u8]) {
    let Some(proof) = decode::<KeyProof>(bytes) else { return };
    let present = proof.verify(&Hash::ZERO, b"key", Some(b"value"));
    assert!(!present, "a table with a key has a root");
    let _ = proof.verify(&Hash::ZERO, b"key", None);
}
