use protocol::{
    Acceptance, ComputePolicy, Control, Delivery, Epoch, Hash, Kind, Limits, Message, ModuleId,
    NetworkId, OutboxItem, PairPosition, Principal, Profile, SecretKey, Signed, Slot, Spawn, V1,
};

use super::*;

fn record(time: u64, entry: Entry) -> LogRecord {
    let assignment = Assignment {
        process: entry.target(),
        epoch: Epoch::ZERO,
        slot: Slot::new(time),
        time: Timestamp::new(time),
        entry: entry.id(),
        chain: Hash::ZERO,
    };
    LogRecord { assignment, entry }
}

fn message(time: u64, expiry: u64) -> LogRecord {
    let message = Message {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([0; 32]),
        sender: Principal::Anonymous,
        target: ProcessId::from_bytes([1; 32]),
        method: "get".to_owned(),
        args: vec![0xa0],
        nonce: 0,
        expiry: Timestamp::new(expiry),
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    record(time, Entry::Message(Signed::sign(message, &SecretKey::from_seed(&[1; 32]))))
}

fn item(number: Option<u64>, body: ItemBody) -> Delivery {
    let position = |number| PairPosition { number: PairNumber::new(number), previous: None };
    let target = ProcessId::from_bytes([1; 32]);
    let item = OutboxItem { index: 0, target, pair: number.map(position), body, hint: None };
    Delivery { source: ProcessId::from_bytes([2; 32]), slot: Slot::ZERO, item }
}

fn delivery(number: u64) -> LogRecord {
    let body = ItemBody::Tell { method: "get".to_owned(), args: vec![0xa0] };
    record(1, Entry::Delivery(item(Some(number), body)))
}

fn skip(last: u64) -> LogRecord {
    record(1, Entry::Skip(item(None, ItemBody::Skip(PairNumber::new(last)))))
}

/// A log of a spawn, a control of an account, and a message behind it.
fn controlled(action: ControlAction, sender: u8, epochs: [u64; 2]) -> Vec<LogRecord> {
    let key = |seed| SecretKey::from_seed(&[seed; 32]);
    let account = |seed| Principal::Account(key(seed).public().account());
    let unit = key(8).public().unit();
    let (network, profile) = (NetworkId::from_bytes([0; 32]), Profile::current().id());
    let module = ModuleId::of(b"");
    let spawn = Spawn {
        version: V1,
        kind: Kind,
        network,
        sender: account(1),
        module,
        acceptance: Acceptance::sign(&key(8), network, &module, &profile),
        args: vec![0xa0],
        name: String::new(),
        tags: Vec::new(),
        nonce: 0,
        expiry: Timestamp::new(90),
        scheduler: unit,
        policy: ComputePolicy { units: vec![unit], quorum: 1, version: 0, previous: None },
        profile,
        controller: account(1),
        limits: Limits::DEFAULT,
    };
    let spawn = record(1, Entry::Spawn(Signed::sign(spawn, &key(1))));
    let control = Control {
        version: V1,
        kind: Kind,
        network,
        sender: account(sender),
        target: spawn.assignment.process,
        nonce: 0,
        expiry: Timestamp::new(90),
        action,
    };
    let control = record(2, Entry::Control(Signed::sign(control, &key(sender))));
    let mut records = vec![spawn, control, message(3, 9)];
    for (record, epoch) in records.iter_mut().skip(1).zip(epochs) {
        record.assignment.epoch = Epoch::new(epoch);
    }
    records
}

/// Whether each record may follow those before.
fn taken(whole: bool, records: &[LogRecord]) -> Vec<Result<(), &'static str>> {
    let mut rules = Rules::new(whole);
    records.iter().map(|record| rules.take(record)).collect()
}

#[test]
fn a_message_stands_in_a_log_once_and_before_it_expires() {
    let twice = Err("the message stands in the log a second time");
    assert_eq!(taken(true, &[message(5, 9), message(6, 9)]), [Ok(()), twice]);
    let late = Err("the message had expired");
    assert_eq!(taken(true, &[message(9, 9), message(10, 9)]), [Ok(()), late]);
    assert_eq!(taken(true, &[message(5, 9), message(5, 8)]), [Ok(()), Ok(())], "another one");
}

#[test]
fn ids_are_forgotten_with_their_expiry() {
    let mut rules = Rules::new(true);
    for time in 0..100 {
        rules.take(&message(time, time + 2)).unwrap();
        assert!(rules.fresh.len() <= 3);
    }
}

#[test]
fn the_numbers_of_a_pair_never_go_back() {
    let other = Err("the numbers of the pair go back");
    assert_eq!(taken(true, &[delivery(0), delivery(1)]), [Ok(()), Ok(())]);
    assert_eq!(taken(true, &[delivery(0), delivery(0)]), [Ok(()), other]);
    assert_eq!(taken(true, &[delivery(0), delivery(2)]), [Ok(()), Ok(())], "1 was refused");
    assert_eq!(taken(true, &[delivery(1), delivery(0)]), [Ok(()), other]);
    assert_eq!(taken(false, &[delivery(7), delivery(8)]), [Ok(()), Ok(())], "from the middle");
    assert_eq!(taken(false, &[delivery(7), delivery(7)]), [Ok(()), other]);
}

#[test]
fn a_skip_goes_on_from_where_its_pair_is() {
    let other = Err("the numbers of the pair go back");
    assert_eq!(taken(true, &[delivery(0), skip(3), delivery(4)]), [Ok(()); 3]);
    assert_eq!(taken(true, &[skip(1), delivery(1)]), [Ok(()), other]);
    let nothing = Err("the skip skips nothing");
    assert_eq!(taken(true, &[delivery(0), delivery(1), skip(0)])[2], nothing);
    assert_eq!(taken(false, &[skip(5), delivery(6)]), [Ok(()), Ok(())], "from the middle");
}

#[test]
fn a_control_of_the_controller_ends_its_epoch_and_a_takeover_begins_one() {
    let unit = SecretKey::from_seed(&[9; 32]).public().unit();
    let takeover =
        ControlAction::Takeover { scheduler: unit, slot: Slot::new(1), chain: Hash::ZERO };
    let wrong = Err("the slot is of another epoch");
    for (action, right) in [(ControlAction::Move(unit), [0, 1]), (takeover, [1, 1])] {
        assert_eq!(taken(true, &controlled(action.clone(), 1, right)), [Ok(()); 3]);
        assert!(taken(true, &controlled(action, 1, [right[0], 0])).contains(&wrong));
    }
    let mut rules = Rules::new(true);
    for record in controlled(ControlAction::Move(unit), 1, [0, 1]) {
        rules.take(&record).unwrap();
    }
    assert_eq!(rules.epochs(), 2);
}

#[test]
fn a_child_has_epochs_and_an_expiry_as_its_spawn_says() {
    let mut records = controlled(ControlAction::Stop, 1, [0, 0]);
    let bytes = records[0].entry.spawn_bytes().unwrap().to_vec();
    let mut birth = item(Some(0), ItemBody::Spawn(bytes, None));
    birth.item.target = records[0].assignment.process;
    records[0].entry = Entry::Delivery(birth);
    let stopped = Err("the process had been stopped");
    assert_eq!(taken(true, &records), [Ok(()), Ok(()), stopped]);
    let mut rules = Rules::new(true);
    rules.take(&records[0]).unwrap();
    assert_eq!(rules.epochs(), 1);
    records[0].assignment.time = Timestamp::new(91);
    assert_eq!(taken(true, &records[..1]), [Err("the spawn had expired")]);
}

#[test]
fn what_somebody_else_orders_stands_in_no_log() {
    let others = Err("the control is not the controller's");
    assert_eq!(taken(true, &controlled(ControlAction::Stop, 2, [0, 0]))[1], others);
}

#[test]
fn behind_a_stop_there_are_no_messages() {
    let stopped = Err("the process had been stopped");
    let expected = [Ok(()), Ok(()), stopped];
    assert_eq!(taken(true, &controlled(ControlAction::Stop, 1, [0, 0])), expected);
}
