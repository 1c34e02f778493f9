use protocol::{
    Gas, HostTable, Kind, MerkleTree, Position, ProcessId, Profile, ReceiptBatch, ReceiptLeaf,
    SecretKey, Slot, State, Timestamp, V1, codec,
};

use super::*;

const NETWORK: NetworkId = NetworkId::from_bytes([3; 32]);
const OTHER: NetworkId = NetworkId::from_bytes([4; 32]);

fn receipt(seed: u8, gas: u64) -> Receipt {
    let key = SecretKey::from_seed(&[seed; 32]);
    let leaf = ReceiptLeaf {
        process: ProcessId::from_bytes([1; 32]),
        slot: Slot::new(7),
        chain: Hash::ZERO,
        profile: Profile::current().id(),
        outcome: Hash::ZERO,
        gas: Gas::new(gas),
        previous: None,
        state_root: None,
    };
    let tree = MerkleTree::new(vec![leaf.leaf()]);
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: key.public().unit(),
        count: 1,
        root: tree.root(),
        engine: "none".to_owned(),
    };
    let path = tree.path(0).expect("there is one leaf");
    Receipt { leaf, path, batch: Signed::sign(batch, &key) }
}

fn fault(one: Receipt, two: Receipt) -> Vec<u8> {
    codec::encode(&Fault::Receipts(Box::new(one), Box::new(two)))
}

#[test]
fn a_fault_names_one_culprit_or_two() {
    let one = judge(&fault(receipt(1, 5), receipt(1, 6)), Network::File);
    assert!(one.holds && one.detail.ends_with("it is at fault"), "{}", one.detail);
    assert_eq!(one.culprits.map(|units| units.len()), Some(1));
    let two = judge(&fault(receipt(1, 5), receipt(2, 6)), Network::Option(NETWORK));
    assert!(two.holds && two.detail.contains("one of them at least"), "{}", two.detail);
    assert_eq!(two.culprits.map(|units| units.len()), Some(2));
    let none = judge(&fault(receipt(1, 5), receipt(2, 5)), Network::File);
    assert!(!none.holds, "{}", none.detail);
    assert_eq!((none.kind, none.culprits), (Some("fault"), Some(Vec::new())));
}

#[test]
fn a_proof_holds_for_its_own_network_only_and_says_who_named_it() {
    let bytes = codec::encode(&Proof::Receipt(Box::new(receipt(1, 5))));
    for (network, holds, from) in [
        (Network::File, true, "file"),
        (Network::Option(NETWORK), true, "option"),
        (Network::Data(NETWORK), true, "data directory"),
        (Network::Option(OTHER), false, "option"),
        (Network::Data(OTHER), false, "data directory"),
    ] {
        let shape = judge(&bytes, network);
        assert_eq!((shape.holds, shape.network_from), (holds, Some(from)), "{}", shape.detail);
    }
}

fn in_state(statement: bool) -> KeyInState {
    let mut table = HostTable::new();
    table.insert(b"a", b"b");
    let state = State {
        memory: Hash::ZERO,
        globals: Vec::new(),
        host_table: table.root(),
        profile: Profile::current().id(),
        module: protocol::ModuleId::of(b""),
    };
    let key = SecretKey::from_seed(&[1; 32]);
    let said = StateStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: key.public().unit(),
        process: ProcessId::from_bytes([1; 32]),
        position: Position {
            slot: Slot::new(7),
            epoch: protocol::Epoch::ZERO,
            time: Timestamp::ZERO,
            chain: Hash::ZERO,
        },
        previous: Hash::ZERO,
        state_root: Some(state.root()),
        checkpoint: Hash::ZERO,
    };
    let statement = statement.then(|| Signed::sign(said, &key));
    let proof = table.prove(b"a");
    KeyInState { state, proof, key: b"a".to_vec(), value: Some(b"b".to_vec()), statement }
}

#[test]
fn a_key_is_in_a_state_whose_owner_only_a_statement_names() {
    let bare = codec::encode(&Proof::Key(Box::new(in_state(false))));
    let bare = judge(&bare, Network::Option(OTHER));
    assert!(bare.holds && !bare.facts.contains_key("process"), "{}", bare.detail);
    assert_eq!(bare.network, None, "nothing is signed");
    let stated = codec::encode(&Proof::Key(Box::new(in_state(true))));
    assert!(!judge(&stated, Network::Option(OTHER)).holds);
    let stated = judge(&stated, Network::File);
    assert_eq!(stated.facts.get("slot"), Some(&7.into()), "{}", stated.detail);
    assert_eq!(stated.facts.get("value"), Some(&"62".into()));
}

#[test]
fn what_is_no_proof_does_not_hold() {
    for bytes in [&[][..], b"hello", &[0x82, 0x10]] {
        let shape = judge(bytes, Network::File);
        assert!(!shape.holds && shape.kind.is_none(), "{}", shape.detail);
    }
}
