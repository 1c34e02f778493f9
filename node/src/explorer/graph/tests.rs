use std::collections::BTreeSet;

use protocol::{OutboxItem, Timestamp, Value};

use super::*;
use crate::{
    explorer::testing::{
        assert_harmless, executed, graph_facts, message, message_facts, names, problem, process,
        proof, record, tell, value,
    },
    trace::{Bounds, Execution, Growth, Reached, Tree},
};

fn show(facts: &GraphFacts) -> String {
    page(facts, None, &names()).into_string()
}

/// A network in which every message tells a hundred others: its graph has no end.
fn endless(bounds: Bounds) -> (Tree, usize) {
    let root = record(message("source"), 1);
    let template = tell("target", 0);
    let outbox = (0..100).map(|index| OutboxItem { index, ..template.clone() }).collect();
    let done = executed(&root.assignment, value(&Value::Null), outbox);
    let execution = Execution::of(&root.assignment, vec![done], 1);
    let entry = root.assignment.entry;
    let mut hop = Hop { proof: Ok(proof(root.assignment)), record: root, execution };
    let mut growth = Growth::new(entry, bounds);
    let mut lookups = 0;
    while let Some(wanted) = growth.next() {
        lookups += 1;
        let assignment = &mut hop.record.assignment;
        assignment.slot = assignment.slot.next().unwrap();
        assignment.entry = wanted.entry;
        growth.handle(wanted, Reached::Hop(Box::new(hop.clone())));
    }
    (growth.finish(), lookups)
}

#[test]
fn what_actors_write_is_text() {
    let facts = graph_facts();
    assert_harmless(&show(&facts));
    assert_harmless(&section(&facts, &names(), false).into_string());
    let unknown = Reached::Unknown(problem().detail);
    let mut facts = graph_facts();
    facts.tree.nodes[2].reached = unknown;
    assert_harmless(&show(&facts));
}

#[test]
fn boxes_lead_to_messages_and_lanes_to_processes() {
    let facts = graph_facts();
    let page = show(&facts);
    let (drawing, list) = page.split_once("<details>").unwrap();
    for node in &facts.tree.nodes[..2] {
        let link = format!("href=\"/message/{}\"", node.entry.unwrap());
        assert!(drawing.contains(&link) && list.contains(&link), "{link}");
    }
    // What is in no log has no page.
    for node in &facts.tree.nodes[2..] {
        assert!(!page.contains(&format!("href=\"/message/{}\"", node.entry.unwrap())));
    }
    for name in ["source", "target"] {
        assert!(drawing.contains(&format!("href=\"/process/{}\"", process(name))));
    }
    assert_eq!(drawing.matches("class=\"edge\"").count(), 3);
    for came in ["waiting", "on its way", "stopped"] {
        assert!(drawing.contains(came) && list.contains(came), "{came}");
    }
    assert_eq!(mentioned(&facts), BTreeSet::from(["source", "target"].map(process)));
}

#[test]
fn a_graph_leads_back_to_that_of_its_cause() {
    let facts = graph_facts();
    let origin = message_facts().origin.unwrap();
    let cause = origin.entry.as_ref().unwrap().assignment.entry;
    let page = page(&facts, Some(&origin), &names()).into_string();
    assert!(page.contains(&format!("href=\"/message/{cause}/graph\"")));
    assert!(!show(&facts).contains("Caused by"));
}

#[test]
fn a_hop_to_a_place_that_nobody_has_signed_says_so() {
    let mut facts = graph_facts();
    assert!(!show(&facts).contains("(unsigned)"));
    if let Reached::Hop(hop) = &mut facts.tree.nodes[1].reached {
        hop.proof = Err("gone".to_owned());
    }
    assert!(show(&facts).contains("(unsigned)") && show(&facts).contains("place not proven"));
}

#[test]
fn the_list_tells_times_gas_and_proofs() {
    let page = show(&graph_facts());
    let (_, list) = page.split_once("<details>").unwrap();
    for said in [
        "executed by one of 1 wanted",
        "gas 12,345",
        "signed",
        "durable in a batch",
        "executed before",
    ] {
        assert!(list.contains(said), "{said}: {list}");
    }
}

#[test]
fn a_hop_takes_from_assignment_to_assignment_and_may_be_negative() {
    let mut facts = graph_facts();
    let began = words::assigned(&facts.tree.nodes[0]).unwrap().get();
    for (time, shown) in [
        (began + 7, "7 ms"),
        (began - 7, "\u{2212}7 ms"),
        (began + 1_250, "1.2 s"),
        (began + 61_000, "1 min 1 s"),
    ] {
        if let Reached::Hop(hop) = &mut facts.tree.nodes[1].reached {
            hop.record.assignment.time = Timestamp::new(time);
        }
        assert!(show(&facts).contains(&format!("tell · {shown}")), "{shown}");
    }
}

#[test]
fn a_graph_without_end_costs_a_bounded_number_of_look_ups_and_a_bounded_page() {
    for (bounds, largest) in [(SMALL, 200_000), (WHOLE, 1_000_000)] {
        let (tree, lookups) = endless(bounds);
        assert_eq!(tree.nodes.len(), bounds.nodes);
        assert!(lookups <= 3 * bounds.nodes, "{lookups} look-ups");
        let page = show(&GraphFacts { tree, complete: true, from: 0 });
        assert!(page.len() < largest, "{} bytes", page.len());
        assert!(page.contains("more</text>"), "nothing stands for what is left out");
    }
}

#[test]
fn pages_of_effects_show_each_of_them() {
    let (mut shown, mut from, mut pages) = (BTreeSet::new(), 0, 0);
    loop {
        let (tree, _) = endless(Bounds { from, depth: 1, ..WHOLE });
        let effects = tree.nodes.iter().filter(|node| node.parent == Some(0));
        shown.extend(effects.filter_map(|node| Some(node.item.as_ref()?.index)));
        let address = rest(&tree.nodes[0]);
        let page = show(&GraphFacts { tree, complete: true, from });
        assert_eq!(page.contains("First effects"), from > 0);
        pages += 1;
        let Some(address) = address else { break };
        assert!(page.contains(&format!("href=\"{address}\"")), "{address}");
        from = address.split_once("?from=").unwrap().1.parse().unwrap();
    }
    assert_eq!((shown.len(), pages), (100, 5));
}

#[test]
fn a_reply_in_a_later_slot_is_found_and_no_other_is_taken_for_it() {
    let with = |source: &str, body| {
        let mut facts = graph_facts();
        let node = &mut facts.tree.nodes[2];
        node.source = Some((process(source), Slot::new(9)));
        node.item = Some(OutboxItem { body, ..tell("origin", 0) });
        let entry = facts.tree.nodes[0].entry;
        late_reply(&facts).map(|late| (late.slot, late.entry == entry))
    };
    let answered = |slot| ItemBody::Answered { call: Slot::new(slot), answer: answer() };
    assert_eq!(with("source", answered(2)), Some((Slot::new(9), true)));
    assert_eq!(with("source", answered(3)), None, "another call");
    assert_eq!(with("target", answered(2)), None, "another process");
    // The message came from slot 3 of its origin, as the first item.
    let reply = |slot, index| ItemBody::Reply { slot: Slot::new(slot), index, answer: answer() };
    assert_eq!(with("source", reply(3, 0)), Some((Slot::new(9), true)));
    assert_eq!(with("source", reply(3, 1)), None, "another ask");
}

fn answer() -> AskAnswer {
    AskAnswer::Value(Vec::new())
}

#[test]
fn a_graph_that_was_not_read_in_time_says_so() {
    let facts = GraphFacts { complete: false, ..graph_facts() };
    assert!(show(&facts).contains("Not all of it could be read in time"));
    assert!(!show(&graph_facts()).contains("in time"));
}
