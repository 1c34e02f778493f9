use protocol::{PairNumber, RefusalCode};

use super::*;

fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 32])
}

fn shape() -> OutboxShape {
    let unit = UnitId::from_bytes([7; 32]);
    let pair = |target, state| {
        let (source, number) = (process(1), PairNumber::new(41));
        (unit, WaitingPair { source, target: process(target), number, slot: None, count: 3, state })
    };
    let retrying = WaitingState::Retrying { reason: RefusalCode::Unreachable, retry_in: 1_200 };
    let waiting = Waiting {
        pairs: vec![
            pair(2, WaitingState::Blocked(RefusalCode::TooLarge)),
            pair(3, retrying),
            pair(4, WaitingState::Moving),
        ],
        total: 5,
        timers: 0,
        missing: Vec::new(),
    };
    let names = [(process(1), "ping".to_owned()), (process(3), "pong".to_owned())].into();
    OutboxShape::of(&waiting, &names, 100)
}

#[test]
fn each_pair_has_a_line_that_says_why_it_waits() {
    let text = shape().glance();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(lines[0], ["source", "target", "number", "waiting", "why", "retry in"]);
    let two = process(2).to_string();
    assert_eq!(lines[1], ["ping", &two, "41", "3", "blocked: too-large", "never"]);
    assert_eq!(lines[2], ["ping", "pong", "41", "3", "unreachable", "2 s"]);
    assert_eq!(lines[3][4], "on its way");
    assert_eq!(lines[4], ["and 2 more pairs"]);
}

#[test]
fn an_empty_outbox_says_so() {
    let shape = OutboxShape::of(&Waiting::default(), &BTreeMap::new(), 100);
    assert_eq!(shape.glance(), "nothing waits to be delivered");
}

#[test]
fn programs_get_the_reason_as_a_word() {
    let json = serde_json::to_value(shape()).unwrap();
    let pair = &json["pairs"][1];
    assert_eq!((&pair["state"], &pair["reason"]), (&"retrying".into(), &"unreachable".into()));
    assert_eq!((&pair["retry_in"], &pair["target_name"]), (&1_200.into(), &"pong".into()));
    assert_eq!(json["pairs"][2].get("reason"), None);
}
