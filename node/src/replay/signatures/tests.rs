use protocol::{
    Assignment, Epoch, Kind, Message, Principal, ProcessId, SecretKey, Slot, Timestamp, V1,
};

use super::*;

const NETWORK: NetworkId = NetworkId::from_bytes([3; 32]);

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn message(signer: &SecretKey, network: NetworkId) -> LogRecord {
    let process = ProcessId::from_bytes([1; 32]);
    let message = Message {
        version: V1,
        kind: Kind,
        network,
        sender: Principal::Account(key().public().account()),
        target: process,
        method: "get".to_owned(),
        args: vec![0xa0],
        nonce: 0,
        expiry: Timestamp::ZERO,
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    let entry = Entry::Message(Signed::sign(message, signer));
    let assignment = Assignment {
        process,
        epoch: Epoch::ZERO,
        slot: Slot::ZERO,
        time: Timestamp::ZERO,
        entry: entry.id(),
        chain: Hash::ZERO,
    };
    LogRecord { assignment, entry }
}

#[test]
fn only_the_sender_signs_for_itself_and_for_this_network() {
    assert_eq!(check(NETWORK, &message(&key(), NETWORK)), Ok(()));
    let stranger = SecretKey::from_seed(&[2; 32]);
    let told = check(NETWORK, &message(&stranger, NETWORK)).unwrap_err();
    assert_eq!(told, "the message is signed by a key that may not act for its sender");
    let told = check(NETWORK, &message(&key(), NetworkId::from_bytes([4; 32]))).unwrap_err();
    assert_eq!(told, "the message is signed for another network");
}

#[test]
fn the_first_signature_that_does_not_hold_is_found_whichever_core_looked_at_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let forged = message(&SecretKey::from_seed(&[2; 32]), NETWORK);
    for bad in [vec![], vec![0], vec![99], vec![40, 99, 41]] {
        let mut records = vec![message(&key(), NETWORK); 100];
        for index in &bad {
            records[*index] = forged.clone();
        }
        let records = Arc::new(records);
        let checks = runtime.block_on(async { Checks::start(NETWORK, &records) });
        let found = checks.finish(runtime.handle()).unwrap().map(|(index, _)| index);
        assert_eq!(found, bad.iter().min().copied());
    }
}
