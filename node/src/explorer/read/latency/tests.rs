use std::collections::{BTreeMap, BTreeSet};

use protocol::{Slot, Timestamp};

use super::{PIECE_MAX, latency, pieces};
use crate::explorer::{
    facts::Cause,
    testing::{process, slot},
};

#[test]
fn slots_that_are_near_each_other_are_one_piece() {
    let pieces = |slots: &[u64]| pieces(&slots.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(pieces(&[]), []);
    assert_eq!(pieces(&[3, 4, 5, 9]), [(3, 7)]);
    assert_eq!(pieces(&[0, u64::MAX]), [(0, 1), (u64::MAX, 1)]);
    let many: Vec<u64> = (0..PIECE_MAX * 2).collect();
    assert!(pieces(&many).iter().all(|(_, count)| u64::from(*count) <= PIECE_MAX));
}

#[test]
fn no_latency_is_made_up() {
    let source = process("origin");
    let mut row = slot(2, None, Vec::new());
    let now = row.assignment.time.get();
    let none = BTreeMap::new();
    assert_eq!(latency(&row, &none), None, "a client's message");
    row.cause = Some(Cause::Slot(source, Slot::new(3)));
    assert_eq!(latency(&row, &none), None, "nobody tells of the cause");
    let at = |time| BTreeMap::from([((source, Slot::new(3)), Timestamp::new(time))]);
    assert_eq!(latency(&row, &at(now - 7)), Some(7));
    assert_eq!(latency(&row, &at(now + 1)), None, "another clock is behind");
    row.cause = Some(Cause::Due(Timestamp::new(now)));
    assert_eq!(latency(&row, &none), Some(0));
}
