use std::collections::BTreeSet;

use super::*;
use crate::{
    explorer::testing::{executed, message, proof, record, value},
    trace::{Execution, Hop, Reached, Via},
};

/// A process, known by a number.
fn process(number: u8) -> ProcessId {
    ProcessId::from_bytes([number; 32])
}

/// A node in a slot of a process, so many milliseconds after the beginning.
fn node(like: &Node, parent: Option<usize>, (number, slot): (u8, u64), time: u64) -> Node {
    let mut node = Node { parent, ..like.clone() };
    if let Reached::Hop(hop) = &mut node.reached {
        let assignment = &mut hop.record.assignment;
        assignment.process = process(number);
        (assignment.slot, assignment.time) = (Slot::new(slot), Timestamp::new(time));
    }
    node
}

fn executed_node() -> Node {
    let record = record(message("source"), 1);
    let done = executed(&record.assignment, value(&protocol::Value::Null), Vec::new());
    let execution = Execution::of(&record.assignment, vec![done], 1);
    let entry = Some(record.assignment.entry);
    let hop = Hop { proof: Ok(proof(record.assignment)), record, execution };
    Node {
        parent: None,
        depth: 0,
        via: Via::Item,
        source: None,
        item: None,
        entry,
        reached: Reached::Hop(Box::new(hop)),
        folded: 0,
        next: None,
    }
}

/// Node, lane and row of everything placed.
fn places(layout: &Layout) -> Vec<(usize, usize, usize)> {
    layout.places.iter().map(|place| (place.node, place.lane, place.row)).collect()
}

/// Checks that effects stand beneath their causes and nothing on anything else.
#[track_caller]
fn assert_sound(layout: &Layout) {
    let mut taken = BTreeSet::new();
    for place in layout.places.iter().chain(&layout.folds) {
        assert!(taken.insert((place.lane, place.row)), "two at {place:?}");
        assert!(place.row < layout.rows && place.lane < layout.lanes.len(), "{place:?}");
        let cause = place.cause.map(|cause| layout.places[cause]);
        assert!(cause.is_none_or(|cause| cause.row < place.row), "{place:?} above {cause:?}");
    }
}

#[test]
fn lanes_are_processes_in_the_order_in_which_they_appear() {
    let like = executed_node();
    let nodes = vec![
        node(&like, None, (9, 1), 10),
        node(&like, Some(0), (5, 1), 12),
        node(&like, Some(1), (9, 2), 14),
        node(&like, Some(0), (7, 1), 11),
    ];
    let layout = Layout::of(&Tree { nodes });
    assert_eq!(layout.lanes, [9, 7, 5].map(|number| Some(process(number))));
    assert_eq!(places(&layout), [(0, 0, 0), (3, 1, 1), (1, 2, 1), (2, 0, 2)]);
    assert_eq!(layout.places[3].cause, Some(2));
    assert_sound(&layout);
}

#[test]
fn entries_of_a_log_stand_in_their_order_and_beneath_their_causes_whatever_clocks_say() {
    let like = executed_node();
    let nodes = vec![
        node(&like, None, (1, 1), 100),
        // Assigned by a clock that is behind.
        node(&like, Some(0), (2, 8), 90),
        node(&like, Some(0), (2, 7), 80),
    ];
    let layout = Layout::of(&Tree { nodes });
    assert_eq!(places(&layout), [(0, 0, 0), (2, 1, 1), (1, 1, 2)]);
    assert_sound(&layout);
}

#[test]
fn what_stands_for_left_out_effects_is_beneath_what_emitted_them() {
    let like = executed_node();
    let mut nodes = vec![
        node(&like, None, (1, 1), 1),
        node(&like, Some(0), (1, 2), 2),
        node(&like, Some(0), (2, 1), 2),
    ];
    nodes[0].folded = 60;
    let layout = Layout::of(&Tree { nodes });
    let folds: Vec<_> = layout.folds.iter().map(|fold| (fold.node, fold.lane, fold.row)).collect();
    assert_eq!(folds, [(0, 0, 1)]);
    assert_eq!(places(&layout), [(0, 0, 0), (2, 1, 1), (1, 0, 2)]);
    assert_sound(&layout);
}

#[test]
fn ten_thousand_nodes_are_each_placed_once() {
    let like = executed_node();
    let mut nodes = vec![node(&like, None, (0, 0), 0)];
    for at in 1..10_000_u64 {
        let parent = usize::try_from(at / 10).unwrap();
        let lane = u8::try_from(at % 50).unwrap();
        nodes.push(node(&like, Some(parent), (lane, at), at));
    }
    let layout = Layout::of(&Tree { nodes });
    let placed: BTreeSet<usize> = layout.places.iter().map(|place| place.node).collect();
    assert_eq!((layout.places.len(), placed.len()), (10_000, 10_000));
    assert_eq!(layout.lanes.len(), 50);
    assert!(layout.rows <= 10_000);
    assert_sound(&layout);
}

#[test]
fn a_tree_of_nothing_known_has_no_lane_of_a_process() {
    let unknown = Node { reached: Reached::UnderWay, ..executed_node() };
    let layout = Layout::of(&Tree { nodes: vec![unknown] });
    assert_eq!(layout.lanes, [None]);
    assert_eq!(Layout::of(&Tree { nodes: Vec::new() }), Layout::default());
}
