use protocol::{
    Acceptance, Assignment, ComputePolicy, Epoch, Kind, Limits, Message, ModuleId, OutboxItem,
    Profile, SecretKey, Slot, Timestamp, V1,
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
fn a_child_is_what_its_parent_spawned_with_a_module_that_a_unit_accepted() {
    let parent = ProcessId::from_bytes([6; 32]);
    let spawn = spawn(Principal::Process(parent));
    assert_eq!(check(NETWORK, &born(parent, &spawn)), Ok(()));
    let told = check(NETWORK, &born(ProcessId::from_bytes([7; 32]), &spawn)).unwrap_err();
    assert_eq!(told, "the spawn names another network or parent");
    let other = Spawn { module: ModuleId::from_bytes([9; 32]), ..spawn.clone() };
    let told = check(NETWORK, &born(parent, &other)).unwrap_err();
    assert_eq!(told, "no unit of the policy accepted the module");
    let mut other = born(parent, &spawn);
    let Entry::Delivery(delivery) = &mut other.entry else { panic!("a delivery") };
    delivery.item.target = parent;
    assert_eq!(check(NETWORK, &other).unwrap_err(), "the spawn is that of another process");
}

/// A spawn of a module that a unit of the policy has accepted.
fn spawn(sender: Principal) -> Spawn {
    let unit = SecretKey::from_seed(&[8; 32]);
    let (module, profile) = (ModuleId::from_bytes([5; 32]), Profile::current().id());
    Spawn {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender,
        module,
        profile,
        acceptance: Acceptance::sign(&unit, NETWORK, &module, &profile),
        args: vec![0xa0],
        name: String::new(),
        tags: Vec::new(),
        nonce: 1,
        expiry: Timestamp::new(1),
        scheduler: unit.public().unit(),
        policy: ComputePolicy {
            units: vec![unit.public().unit()],
            quorum: 1,
            version: 0,
            previous: None,
        },
        controller: sender,
        limits: Limits::DEFAULT,
    }
}

/// The slot 0 of a child.
fn born(parent: ProcessId, spawn: &Spawn) -> LogRecord {
    let bytes = codec::encode(spawn);
    let digest = Spawn::DOMAIN.digest(&[&bytes]);
    let target = ProcessId::of_spawn(EntryId::from_bytes(*digest.as_bytes()));
    let body = ItemBody::Spawn(bytes, None);
    let item = OutboxItem { index: 0, target, pair: None, body, hint: None };
    let entry = Entry::Delivery(Delivery { source: parent, slot: Slot::ZERO, item });
    LogRecord { entry, ..message(&key(), NETWORK) }
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
