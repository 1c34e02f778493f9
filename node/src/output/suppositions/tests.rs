use protocol::{Gas, Position, Slot, Value};
use serde_json::json;

use super::*;
use crate::explorer::testing::{executed, failure, message, record, value};

fn portrait(slot: u64, told: Told, memory: Vec<u8>) -> Portrait {
    let assignment = record(message("source"), slot).assignment;
    let protocol::Assignment { slot, epoch, time, chain, .. } = assignment;
    let position = Position { slot, epoch, time, chain };
    Portrait { position, state: None, memory, table: Default::default(), told }
}

fn process() -> ProcessId {
    crate::explorer::testing::process("source")
}

#[test]
fn states_that_can_be_read_differ_by_what_they_say_and_others_by_their_bytes() {
    let told = |n: u64| Told::Saved(json!({"n": n}));
    let (before, after) = (portrait(1, told(5), vec![0; 8]), portrait(3, told(8), vec![1; 8]));
    let read = DiffShape::of(process(), &before, &after, 9);
    let json = serde_json::to_value(&read).unwrap();
    assert_eq!(json["changes"], json!([{"path": "n", "before": 5, "after": 8}]));
    assert_eq!((&json["decoded"], &json["memory"]["ranges"]), (&json!("saved"), &json!([])));
    assert_eq!(json["memory"]["changed_bytes"], 8);
    assert!(read.text().contains("\n  n: 5 -> 8\n"), "{}", read.text());

    let views = portrait(3, Told::Views(json!({"n": 8})), vec![1; 8]);
    for other in [views, portrait(3, Told::Nothing, vec![1; 8])] {
        let unread = serde_json::to_value(DiffShape::of(process(), &before, &other, 9)).unwrap();
        assert_eq!(unread["decoded"], Json::Null);
        let range =
            json!([{"address": 0, "length": 8, "before": "00".repeat(8), "after": "01".repeat(8)}]);
        assert_eq!(unread["memory"]["ranges"], range);
    }
}

#[test]
fn a_slot_that_differs_is_told_with_both_of_its_ends() {
    let record = record(message("source"), 3);
    let was = executed(&record.assignment, value(&Value::Integer(8)), vec![]).outcome;
    let would = executed(&record.assignment, failure(), vec![]).outcome;
    let would = protocol::Outcome { gas: Gas::new(1), ..would };
    let parts = vec!["error", "gas"];
    let shape =
        DivergenceShape::of(&Divergence { record, parts, was: (was, None), would: (would, None) });
    let json = serde_json::to_value(&shape).unwrap();
    assert_eq!((&json["slot"], &json["differs"]), (&json!(3), &json!(["error", "gas"])));
    assert_eq!(json["was"]["outcome"]["reply"], 8);
    assert!(json["would"]["outcome"]["error"]["code"].is_string());
    let line = shape.line();
    assert!(line.contains("8 -> error ") && line.contains("gas 12345 -> 1"), "{line}");
    assert!(!line.contains('\u{0}'), "{line}");
}

#[test]
fn the_summary_says_whether_the_states_in_the_end_are_alike() {
    let told = |n: u64| Told::Saved(json!({"n": n}));
    let module = ModuleId::of(b"other");
    let mut comparison = Comparison {
        slots: 3,
        differing: 1,
        first: Some(Slot::new(2)),
        gas: [10, 9],
        told: Some([told(5), told(5)]),
        ..Comparison::default()
    };
    let text = |comparison: &Comparison| SummaryShape::of(process(), module, comparison, 9).text();
    let alike = text(&comparison);
    assert!(alike.contains("3 slots, 1 differ, the first is slot 2"), "{alike}");
    assert!(alike.contains("alike (saved)"), "{alike}");
    comparison.told = Some([told(5), told(6)]);
    assert!(text(&comparison).contains("\n  n: 5 -> 6"));
    comparison.upgrade = Some((failure(), Gas::new(7)));
    assert!(text(&comparison).starts_with("the module does not take the state"));
}
