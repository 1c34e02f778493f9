use protocol::{RefusalCode, Value};

use super::*;
use crate::{
    explorer::testing::{HOSTILE, executed, message, process, proof, record, tell, value},
    trace::{Bounds, Growth},
};

/// A message with two effects: one has come to its target, the other was refused for good.
fn tree() -> Tree {
    let root = record(message("source"), 3);
    let outbox = vec![tell("target", 0), tell("target", 1)];
    let execution = |assignment, outbox| {
        let done = executed(assignment, value(&Value::Integer(8)), outbox);
        Execution::of(assignment, vec![done], 2)
    };
    let mut growth = Growth::new(root.assignment.entry, Bounds::new(9, 9));
    let wanted = growth.next().unwrap();
    let execution = execution(&root.assignment, outbox);
    let hop = Hop { proof: Ok(proof(root.assignment)), record: root, execution };
    growth.handle(wanted, Reached::Hop(Box::new(hop)));
    let (first, second) = (growth.next().unwrap(), growth.next().unwrap());
    let arrived = record(crate::explorer::testing::delivery("source", "target"), 8);
    let hop = Hop { record: arrived, proof: Err("gone".to_owned()), execution: Execution::Waiting };
    growth.handle(first, Reached::Hop(Box::new(hop)));
    growth.handle(second, Reached::Refused(RefusalCode::Stopped));
    assert!(growth.next().is_none());
    growth.finish()
}

fn shapes() -> Vec<TraceShape> {
    let names = BTreeMap::from([(process("source"), "counter".to_owned())]);
    TraceShape::of_tree(&tree(), &names)
}

#[test]
fn each_node_tells_its_place_its_times_its_outcome_and_what_was_checked() {
    let shapes = shapes();
    let json: Vec<Json> = shapes.iter().map(|shape| serde_json::to_value(shape).unwrap()).collect();
    let [root, arrived, refused] = json.as_slice() else { panic!("three nodes: {json:?}") };
    assert_eq!((&root["state"], &root["name"]), (&"executed".into(), &"counter".into()));
    assert_eq!((&root["reply"], &root["effects"]), (&8.into(), &2.into()));
    assert_eq!(root["proof"]["level"], "executed by one");
    assert_eq!((&root["times"]["expires"], &root["times"]["executed"]), (&1.into(), &Json::Null));
    assert_eq!(root["times"]["assigned_signed"], true);
    assert_eq!(root["times"]["executed_before"], arrived["times"]["assigned"]);
    assert_eq!((&arrived["parent"], &arrived["state"]), (&0.into(), &"assigned".into()));
    assert_eq!(arrived["times"]["assigned_signed"], false);
    assert_eq!(
        (&arrived["proof"]["level"], &arrived["problem"]),
        (&"not proven".into(), &"gone".into())
    );
    assert_eq!((&refused["state"], &refused["problem"]), (&"refused".into(), &"stopped".into()));
    assert_eq!(refused["times"]["assigned"], Json::Null);
}

#[test]
fn a_line_says_how_much_was_checked_and_hides_nothing_that_was_not() {
    let shapes = shapes();
    let began = shapes[0].assigned();
    let lines: Vec<String> = shapes.iter().map(|shape| shape.line(began)).collect();
    assert!(lines[0].starts_with("counter:3  message "), "{}", lines[0]);
    assert!(
        lines[0].contains("-> 8  gas 12345  +0 ms  executed by one of 2  msg1"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("+0 ms (unsigned)  not proven, place not proven"), "{}", lines[1]);
    assert!(lines[2].starts_with("  ") && lines[2].contains("-> refused: stopped"), "{}", lines[2]);
    assert!(!lines.concat().contains(HOSTILE));
    assert!(!lines.concat().contains('\u{0}'));
}
