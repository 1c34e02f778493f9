use protocol::{
    Assignment, Delivery, Epoch, Hash, Kind, Message, NetworkId, OutboxItem, PairPosition,
    Principal, SecretKey, Signed, Slot, V1,
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
fn deliveries_of_a_pair_are_dense() {
    let other = Err("the delivery is not the next of its pair");
    assert_eq!(taken(true, &[delivery(0), delivery(1)]), [Ok(()), Ok(())]);
    assert_eq!(taken(true, &[delivery(1)]), [other]);
    assert_eq!(taken(true, &[delivery(0), delivery(0)]), [Ok(()), other]);
    assert_eq!(taken(true, &[delivery(0), delivery(2)]), [Ok(()), other]);
    assert_eq!(taken(false, &[delivery(7), delivery(8)]), [Ok(()), Ok(())], "from the middle");
    assert_eq!(taken(false, &[delivery(7), delivery(7)]), [Ok(()), other]);
}

#[test]
fn a_skip_goes_on_from_where_its_pair_is() {
    let other = Err("the delivery is not the next of its pair");
    assert_eq!(taken(true, &[delivery(0), skip(3), delivery(4)]), [Ok(()); 3]);
    assert_eq!(taken(true, &[skip(1), delivery(1)]), [Ok(()), other]);
    let nothing = Err("the skip skips nothing");
    assert_eq!(taken(true, &[delivery(0), delivery(1), skip(0)])[2], nothing);
    assert_eq!(taken(false, &[skip(5), delivery(6)]), [Ok(()), Ok(())], "from the middle");
}
