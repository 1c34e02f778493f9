//! Readers of states, of proofs about them, and of checkpoints.

use minicbor::bytes::ByteVec;

use crate::{
    Checkpoint, CheckpointState, Hash, HostTableIndex, KeyProof, MemoryNode, PageProof, Proof,
    api::CheckpointAnswer, examples::states,
};

use super::{Facts, NETWORK, object};

pub(super) fn host_table_chunk(bytes: &[u8]) -> Facts {
    drop(object::<Vec<(ByteVec, ByteVec)>>(bytes));
    vec![("address", Hash::of_blob(bytes).to_string())]
}

/// What a proof shows of the last table of `host-table.txt`.
pub(super) fn key_proof(bytes: &[u8]) -> Facts {
    let proof: KeyProof = object(bytes);
    let root = states::host_table().root();
    let has = |key: &[u8]| states::ENTRIES.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
    let shown = states::PROVEN.iter().filter(|key| proof.verify(&root, key, has(key)));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let shown = shown.map(|key| match has(key) {
        Some(value) => ("present", format!("{} {}", text(key), text(value))),
        None => ("absent", text(key)),
    });
    [("root", root.to_string())].into_iter().chain(shown).collect()
}

/// A proof of the page that `vectors/README.md` describes.
pub(super) fn page_proof(bytes: &[u8]) -> Facts {
    let proof: PageProof = object(bytes);
    let image = states::image();
    let page = &states::pages(&image)[usize::try_from(proof.page).unwrap()];
    let root = proof.memory_root(page).unwrap();
    assert_eq!(root, Hash::of_blob(&image));
    vec![("page", Hash::of_blob(page).to_string()), ("root", root.to_string())]
}

pub(super) fn memory_node(bytes: &[u8]) -> Facts {
    let node = MemoryNode::decode(bytes).unwrap();
    assert_eq!(node.encode(), bytes);
    vec![("address", Hash::of_blob(bytes).to_string()), ("chaining value", node.cv().to_string())]
}

pub(super) fn checkpoint(bytes: &[u8]) -> Facts {
    let checkpoint: Checkpoint = object(bytes);
    checkpoint.spawn().unwrap();
    let mut facts = vec![("address", checkpoint.address().to_string())];
    if let CheckpointState::Live { memory, host_table, .. } = &checkpoint.state {
        facts.push(("memory root", memory.memory_root().unwrap().to_string()));
        if let HostTableIndex::Inline(_) = host_table {
            let table = host_table.read(|_| None).unwrap();
            let state = checkpoint.state(&table).unwrap().unwrap();
            facts.push(("state root", state.root().to_string()));
        }
    }
    facts
}

pub(super) fn checkpoint_answer(bytes: &[u8]) -> Facts {
    let answer: CheckpointAnswer = object(bytes);
    let checkpoint = answer.statement.unverified().checkpoint_from(&answer.checkpoint).unwrap();
    vec![("address", checkpoint.address().to_string())]
}

/// A proof of one of the states above, or of an assignment or a receipt of other files.
pub(super) fn proof(bytes: &[u8]) -> Facts {
    match object(bytes) {
        Proof::Assignment(proof) => {
            let scheduler = proof.batch.unverified().scheduler;
            proof.verify(NETWORK, &scheduler).unwrap();
            vec![("scheduler", scheduler.to_string())]
        }
        Proof::Receipt(receipt) => {
            receipt.verify(NETWORK).unwrap();
            vec![("unit", receipt.unit().to_string())]
        }
        Proof::Page(page) => vec![("state root", page.verify(NETWORK).unwrap().to_string())],
        Proof::Key(key) => vec![("state root", key.verify(NETWORK).unwrap().to_string())],
        Proof::Refusal(refusal) => {
            let scheduler = refusal.batch.unverified().scheduler;
            refusal.verify(NETWORK, &scheduler).unwrap();
            vec![("scheduler", scheduler.to_string())]
        }
    }
}
