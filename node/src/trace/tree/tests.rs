use std::collections::BTreeMap;

use protocol::{
    AskAnswer, Delivery, Entry, PairNumber, PairPosition, PairStatement, Timer, TimerKind, V1,
    Value, Verdict, api::LogRecord,
};

use super::*;
use crate::{
    explorer::testing::{self, executed, key, message, process, proof, record, value},
    trace::hop::Execution,
};

/// What stands in logs, by entry.
type World = BTreeMap<EntryId, Hop>;

fn hop(record: LogRecord, outbox: Vec<OutboxItem>) -> Hop {
    let done = executed(&record.assignment, value(&Value::Null), outbox);
    let execution = Execution::of(&record.assignment, vec![done], 1);
    Hop { proof: Ok(proof(record.assignment)), record, execution }
}

fn put(world: &mut World, entry: Entry, slot: u64, outbox: Vec<OutboxItem>) -> EntryId {
    let id = entry.id();
    world.insert(id, hop(record(entry, slot), outbox));
    id
}

fn item(target: &str, index: u32, body: ItemBody) -> OutboxItem {
    let pair = Some(PairPosition { number: PairNumber::new(u64::from(index)), previous: None });
    OutboxItem { index, target: process(target), pair, body, hint: None }
}

fn tell(target: &str, index: u32) -> OutboxItem {
    item(target, index, testing::tell(target, 0).body)
}

fn ask(target: &str, index: u32) -> OutboxItem {
    let (method, args) = ("deposit".to_owned(), Vec::new());
    item(target, index, ItemBody::Ask { method, args, deadline: Timestamp::new(9) })
}

fn delivered(source: &str, slot: u64, item: OutboxItem) -> Entry {
    Entry::Delivery(Delivery { source: process(source), slot: Slot::new(slot), item })
}

fn grow(world: &World, message: EntryId, depth: u32, nodes: usize) -> Tree {
    grow_within(world, message, Bounds::new(depth, nodes))
}

fn grow_within(world: &World, message: EntryId, bounds: Bounds) -> Tree {
    let mut growth = Growth::new(message, bounds);
    while let Some(wanted) = growth.next() {
        let found = world.get(&wanted.entry).cloned();
        growth.handle(wanted, found.map_or(Reached::UnderWay, |hop| Reached::Hop(Box::new(hop))));
    }
    growth.finish()
}

/// Depth, way and whether it was reached, of each node.
fn outline(tree: &Tree) -> Vec<(u32, Via, bool)> {
    tree.nodes.iter().map(|node| (node.depth, node.via, node.hop().is_some())).collect()
}

#[test]
fn an_ask_leads_to_its_target_and_its_reply_back_to_the_asker() {
    let mut world = World::new();
    let root = put(&mut world, message("source"), 3, vec![ask("target", 0)]);
    let answer = AskAnswer::Value(Vec::new());
    let reply = item("source", 0, ItemBody::Reply { slot: Slot::new(3), index: 0, answer });
    put(&mut world, delivered("source", 3, ask("target", 0)), 8, vec![reply.clone()]);
    put(&mut world, delivered("target", 8, reply), 4, Vec::new());
    let tree = grow(&world, root, 9, 9);
    let expected = [(0, Via::Root, true), (1, Via::Item, true), (2, Via::Item, true)];
    assert_eq!(outline(&tree), expected);
    assert_eq!(tree.nodes[2].parent, Some(1));
    assert_eq!(tree.nodes[2].source, Some((process("target"), Slot::new(8))));
}

#[test]
fn the_end_of_an_ask_and_the_word_that_follows_are_shown_where_they_came() {
    let mut world = World::new();
    let root = put(&mut world, message("source"), 3, vec![ask("target", 0)]);
    let kind = TimerKind::AskTimeout;
    let (asker, due) = (process("source"), Timestamp::new(9));
    let end = Timer { process: asker, slot: Slot::new(3), index: 0, occurrence: 0, kind, due };
    put(&mut world, Entry::Timer(end), 4, Vec::new());
    let statement = PairStatement {
        version: V1,
        kind: protocol::Kind,
        network: testing::NETWORK,
        scheduler: key(2).public().unit(),
        source: asker,
        target: process("target"),
        number: PairNumber::ZERO,
        verdict: Verdict::Assigned(Slot::new(1)),
    };
    let statement = protocol::Signed::sign(statement, &key(2));
    put(&mut world, Entry::Answer(Answer { statement }), 5, Vec::new());
    let tree = grow(&world, root, 9, 9);
    let expected = [
        (0, Via::Root, true),
        (1, Via::Item, false),
        (1, Via::Deadline, true),
        (2, Via::Answer, true),
    ];
    assert_eq!(outline(&tree), expected);
}

#[test]
fn of_a_timer_that_repeats_the_first_firings_are_followed() {
    let mut world = World::new();
    let timer = OutboxItem {
        pair: None,
        ..item(
            "source",
            0,
            ItemBody::Timer {
                token: 1,
                due: Timestamp::new(5),
                every: Some(5),
                catch_up: false,
                method: "ring".to_owned(),
                args: Vec::new(),
            },
        )
    };
    let root = put(&mut world, message("source"), 3, vec![timer]);
    // One was missed, and the timer still runs.
    for occurrence in [0, 2, 3, 4] {
        let (process, slot, kind) = (process("source"), Slot::new(3), TimerKind::Timer);
        let due = Timestamp::new(5 + 5 * occurrence);
        let firing = Timer { process, slot, index: 0, occurrence, kind, due };
        put(&mut world, Entry::Timer(firing), 4 + occurrence, Vec::new());
    }
    let tree = grow(&world, root, 9, 9);
    let expected = [(0, Via::Root, true), (1, Via::Firing(0), true), (1, Via::Firing(2), true)];
    assert_eq!(outline(&tree), expected);
}

#[test]
fn a_deep_tree_ends_at_its_depth_and_counts_what_it_leaves_out() {
    let mut world = World::new();
    let outbox = vec![tell("target", 0), ask("target", 1)];
    let root = put(&mut world, message("source"), 3, outbox.clone());
    for (slot, item) in (1..).zip(outbox.clone()) {
        put(&mut world, delivered("source", 3, item), slot, outbox.clone());
    }
    let tree = grow(&world, root, 1, 100);
    assert_eq!(tree.nodes.iter().map(|node| node.folded).collect::<Vec<_>>(), [0, 2, 2]);
    let tree = grow(&world, root, 0, 100);
    assert_eq!(tree.nodes.iter().map(|node| node.folded).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_wide_tree_has_as_many_nodes_as_it_may_and_counts_the_rest() {
    let mut world = World::new();
    let outbox: Vec<OutboxItem> = (0..100).map(|index| tell("target", index)).collect();
    let root = put(&mut world, message("source"), 3, outbox.clone());
    for (slot, item) in (0..).zip(&outbox) {
        put(&mut world, delivered("source", 3, item.clone()), slot, outbox.clone());
    }
    for limit in [1, 2, 50, 101, 150] {
        let tree = grow(&world, root, 9, limit);
        assert_eq!(tree.nodes.len(), limit);
        let shown = tree.nodes.iter().filter(|node| node.depth == 1).count();
        assert_eq!(tree.nodes[0].folded, 100 - shown, "what is near comes first");
        let folded: usize = tree.nodes.iter().map(|node| node.folded).sum();
        // Everything that a node has emitted is shown or counted.
        assert_eq!(limit - 1 + folded, 100 * (1 + shown));
    }
    assert_eq!(grow(&world, root, 9, 0).nodes.len(), 1, "the message is always there");
}

#[test]
fn of_equal_effects_so_many_are_followed_and_the_others_are_told_apart() {
    let mut world = World::new();
    let mut outbox: Vec<OutboxItem> = (0..100).map(|index| tell("target", index)).collect();
    outbox.push(ask("target", 100));
    let root = put(&mut world, message("source"), 3, outbox);
    let bounds = Bounds { fan: 4, ..Bounds::new(9, 200) };
    let tree = grow_within(&world, root, bounds);
    let shown = |tree: &Tree| -> Vec<u32> {
        tree.nodes.iter().filter_map(|node| Some(node.item.as_ref()?.index)).collect()
    };
    assert_eq!(shown(&tree), [0, 1, 2, 3, 100], "the ask is no tell");
    assert_eq!((tree.nodes[0].folded, tree.nodes[0].next), (96, Some(4)));
    let tree = grow_within(&world, root, Bounds { from: 98, ..bounds });
    assert_eq!(shown(&tree), [98, 99, 100], "the last page of the effects");
    assert_eq!((tree.nodes[0].folded, tree.nodes[0].next), (0, None));
}

#[test]
fn nodes_stand_behind_their_parents_in_the_order_of_the_outbox() {
    let mut world = World::new();
    let root = put(&mut world, message("source"), 3, vec![tell("a", 0), tell("b", 1)]);
    put(&mut world, delivered("source", 3, tell("a", 0)), 1, vec![tell("b", 0)]);
    put(&mut world, delivered("source", 3, tell("b", 1)), 1, vec![tell("a", 0)]);
    let tree = grow(&world, root, 9, 9);
    let parents: Vec<_> = tree.nodes.iter().map(|node| node.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(1), Some(0), Some(3)]);
    let targets: Vec<_> =
        tree.nodes.iter().filter_map(|node| node.item.as_ref().map(|item| item.target)).collect();
    let [a, b] = ["a", "b"].map(process);
    assert_eq!(targets, [a, b, b, a]);
    let first = tree.nodes[1].hop().unwrap().record.assignment.time;
    assert_eq!(tree.executed_before(0), Some(first));
    assert_eq!(tree.executed_before(2), None, "nothing follows that would tell");
}

#[test]
fn a_birth_leads_to_the_first_slot_of_the_child() {
    let mut world = World::new();
    let birth = item("target", 0, ItemBody::Spawn(Vec::new(), Some(Timestamp::new(9))));
    let root = put(&mut world, message("source"), 3, vec![birth.clone()]);
    put(&mut world, delivered("source", 3, birth), 0, Vec::new());
    assert_eq!(outline(&grow(&world, root, 9, 9)), [(0, Via::Root, true), (1, Via::Item, true)]);
}

#[test]
fn what_a_process_keeps_is_a_node_without_an_entry() {
    let mut world = World::new();
    let cancel = OutboxItem { pair: None, ..item("source", 0, ItemBody::CancelTimer { token: 1 }) };
    let root = put(&mut world, message("source"), 3, vec![cancel, tell("b", 1)]);
    let tree = grow(&world, root, 9, 9);
    assert!(matches!(tree.nodes[1].reached, Reached::Kept) && tree.nodes[1].entry.is_none());
    assert!(matches!(tree.nodes[2].reached, Reached::UnderWay) && tree.nodes[2].entry.is_some());
}
