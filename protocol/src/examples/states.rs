//! Example states, checkpoints and proofs. The image of all of them has 80 state pages, of which
//! number 3 and the last are not zeros.

use crate::{
    Checkpoint, CheckpointState, Epoch, FailureKind, GlobalValue, Hash, HostTable, HostTableIndex,
    KeyInState, KeyProof, Kind, MemoryIndex, MemoryNode, ModuleId, PageEntry, PageInState,
    PageProof, Position, Profile, Proof, STATE_PAGE_BYTES, Signed, Slot, State, StateStatement, V1,
    state::{merge, page_cv},
};

use super::{
    COMPUTE, NETWORK, TIME, assignment_proof, assignments, key, module, receipt, receipt_leaf,
    source, spawn, unit,
};

/// Entries of the host table whose proofs are examples.
pub(crate) const ENTRIES: &[(&[u8], &[u8])] =
    &[(b"pair", b"1"), (b"timer", b"two"), (b"ask", b"3"), (b"call", b"")];

pub(crate) fn image() -> Vec<u8> {
    image_of(5)
}

/// An image of Wasm pages whose state pages are zeros but for number 3 and the last.
pub(crate) fn image_of(wasm_pages: usize) -> Vec<u8> {
    let mut image = vec![0; wasm_pages * 65_536];
    if let Some(last) = image.len().checked_sub(1) {
        image[3 * STATE_PAGE_BYTES] = 7;
        image[last] = 9;
    }
    image
}

pub(crate) fn pages(image: &[u8]) -> &[[u8; STATE_PAGE_BYTES]] {
    image.as_chunks().0
}

/// A value of each kind, with bits that show their order.
pub(crate) fn globals() -> Vec<GlobalValue> {
    vec![
        GlobalValue::I32(-2),
        GlobalValue::I64(-3),
        GlobalValue::F32(0x7fc0_0001),
        GlobalValue::F64(0x7ff8_0000_0000_0001),
        GlobalValue::V128(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100),
    ]
}

pub(crate) fn host_table() -> HostTable {
    let mut table = HostTable::new();
    ENTRIES.iter().for_each(|(key, value)| table.insert(key, value));
    table
}

/// A table that is too large to stand inline.
pub(crate) fn large_table() -> HostTable {
    let mut table = HostTable::new();
    (100..170_u32).for_each(|key| table.insert(&key.to_be_bytes(), b"value of a key"));
    table
}

/// Keys whose proofs show presence, an empty subtree and another key.
pub(crate) const PROVEN: &[&[u8]] = &[b"pair", b"reply", b"spawn"];

pub(crate) fn key_proofs() -> Vec<KeyProof> {
    let table = host_table();
    PROVEN.iter().map(|key| table.prove(key)).collect()
}

pub(crate) fn state() -> State {
    State {
        memory: Hash::of_blob(&image()),
        globals: globals(),
        host_table: host_table().root(),
        profile: Profile::v1().id(),
        module: module(),
    }
}

/// All levels of the tree over the pages of an image, by its definition.
fn levels(image: &[u8]) -> Vec<Vec<[u8; 32]>> {
    let leaves = (0..).zip(pages(image)).map(|(index, page)| page_cv(index, page));
    let mut levels = vec![leaves.collect::<Vec<_>>()];
    while levels.last().unwrap().len() > 1 {
        let pairs = levels.last().unwrap().chunks(2);
        let merged = pairs.map(|pair| pair.iter().copied().reduce(|a, b| merge(&a, &b)).unwrap());
        levels.push(merged.collect());
    }
    levels
}

/// The proofs of some pages of an image.
pub(crate) fn page_proofs(image: &[u8], numbers: &[usize]) -> Vec<PageProof> {
    let levels = levels(image);
    let proof = |page: &usize| {
        let siblings = levels.iter().enumerate().filter(|(_, level)| level.len() > 1);
        let siblings = siblings.filter_map(|(height, level)| level.get((page >> height) ^ 1));
        PageProof {
            page: u32::try_from(*page).unwrap(),
            pages: u32::try_from(levels[0].len()).unwrap(),
            siblings: siblings.map(|cv| Hash::from_bytes(*cv)).collect(),
        }
    };
    numbers.iter().map(proof).collect()
}

/// The entries of all pages of an image.
pub(crate) fn page_entries(image: &[u8]) -> Vec<PageEntry> {
    (0..).zip(pages(image)).map(|(index, page)| PageEntry::of_page(index, page)).collect()
}

pub(crate) fn memory_index() -> MemoryIndex {
    MemoryIndex::build(page_entries(&image()), |_, _| {}).unwrap()
}

/// The node above the last 16 pages of the image.
pub(crate) fn memory_node() -> MemoryNode {
    MemoryNode::new(page_entries(&image())[64..].to_vec()).unwrap()
}

pub(crate) fn position() -> Position {
    let slot = assignments()[1];
    Position {
        slot: Slot::new(1),
        epoch: Epoch::ZERO,
        time: TIME.saturating_add(10),
        chain: slot.chain,
    }
}

fn checkpoint_of(state: CheckpointState) -> Checkpoint {
    Checkpoint {
        version: V1,
        process: source(),
        spawn: spawn().body_bytes().to_vec(),
        position: position(),
        previous: receipt_leaf().digest(),
        state,
        module: None,
    }
}

pub(crate) fn checkpoint() -> Checkpoint {
    checkpoint_of(CheckpointState::Live {
        memory: memory_index(),
        globals: globals(),
        host_table: HostTableIndex::build(&host_table(), |_, _| {}),
    })
}

/// One checkpoint with each form of state and of host table.
pub(crate) fn checkpoints() -> Vec<Checkpoint> {
    let large = CheckpointState::Live {
        memory: MemoryIndex { pages: 0, height: 0, root: Vec::new() },
        globals: Vec::new(),
        host_table: HostTableIndex::build(&large_table(), |_, _| {}),
    };
    let dead = CheckpointState::Dead(FailureKind::Trapped, None);
    let upgraded = Checkpoint { module: Some(ModuleId::from_bytes([0x0e; 32])), ..checkpoint() };
    vec![checkpoint(), checkpoint_of(large), upgraded, checkpoint_of(dead)]
}

pub(crate) fn statement_body(checkpoint: &Checkpoint) -> StateStatement {
    let live = matches!(checkpoint.state, CheckpointState::Live { .. });
    StateStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: unit(COMPUTE),
        process: checkpoint.process,
        position: checkpoint.position,
        previous: checkpoint.previous,
        state_root: live.then(|| state().root()),
        checkpoint: checkpoint.address(),
    }
}

pub(crate) fn statement(checkpoint: &Checkpoint) -> Signed<StateStatement> {
    Signed::sign(statement_body(checkpoint), &key(COMPUTE))
}

/// One proof of each form; only that of the page has a unit's word.
pub(crate) fn proofs() -> Vec<Proof> {
    let image = image();
    let page = PageInState {
        state: state(),
        proof: page_proofs(&image, &[3]).remove(0),
        page: pages(&image)[3].to_vec(),
        statement: Some(statement(&checkpoint())),
    };
    let (key, value) = ENTRIES[0];
    let of_key = KeyInState {
        state: state(),
        proof: host_table().prove(key),
        key: key.to_vec(),
        value: Some(value.to_vec()),
        statement: None,
    };
    vec![
        Proof::Assignment(Box::new(assignment_proof())),
        Proof::Receipt(Box::new(receipt())),
        Proof::Page(Box::new(page)),
        Proof::Key(Box::new(of_key)),
        Proof::Refusal(Box::new(super::frames::refusal_proof())),
    ]
}
