//! The causal graph of a message: a drawing in which every process has a lane, and the same as a list.
//!
//! Work and size are bounded by the tree's, which says what it leaves out and where that is found.

mod draw;
mod layout;
mod list;
mod words;

use std::collections::BTreeSet;

use maud::{Markup, html};
use protocol::{AskAnswer, Entry, EntryId, ItemBody, ProcessId, Slot};

use super::{
    facts::{GraphFacts, Names, Origin},
    show::{self, badge, count},
};
use crate::trace::{Bounds, Hop, Node};
use layout::Layout;

/// How much of a graph its own page shows.
pub(crate) const WHOLE: Bounds = Bounds { depth: 32, nodes: 200, fan: 24, from: 0 };

/// How much of it a message's page shows.
pub(crate) const SMALL: Bounds = Bounds { depth: 12, nodes: 40, fan: 6, from: 0 };

/// A page about nothing else, with the way to what caused the message.
pub(crate) fn page(facts: &GraphFacts, origin: Option<&Origin>, names: &Names) -> Markup {
    let root = facts.tree.nodes.first();
    html! {
        @if let Some(hop) = root.and_then(Node::hop) {
            @let assignment = &hop.record.assignment;
            p.crumbs {
                a href="/processes" { "Processes" } " / " (show::process(&assignment.process, names))
                " / " (show::message(&assignment.entry, format!("slot {}", assignment.slot)))
            }
        }
        h1 { "Causal graph" }
        p.lead { @if let Some(entry) = root.and_then(|root| root.entry) { (show::full(entry)) } }
        @if let Some(Origin { process, slot, entry: Ok(cause), .. }) = origin {
            p { "Caused by "
                a href={ "/message/" (cause.assignment.entry) "/graph" } { "slot " (slot) } " of "
                (show::process(process, names)) "."
            }
        }
        (section(facts, names, true))
    }
}

/// A section of a message's page, or the whole of the graph's own.
pub(crate) fn section(facts: &GraphFacts, names: &Names, whole: bool) -> Markup {
    let layout = Layout::of(&facts.tree);
    let here = facts.tree.nodes.first().and_then(|root| root.entry);
    html! {
        section.causes aria-labelledby="graph" {
            h2 #graph {
                @if whole { "Drawing" } @else { "Causal graph" }
                " " span.total data-swap="graph-count" { (facts.tree.nodes.len()) }
            }
            div data-swap="graph-notes" { (notes(facts)) }
            // What is exchanged stands within what scrolls and unfolds, so that both stay as they are.
            div.scroll.drawing tabindex="0" role="region" aria-label="Drawing of the causal graph"
                data-swap="graph-drawing" { (draw::svg(facts, &layout, names)) }
            nav.pages aria-label="More of the causal graph" data-swap="graph-pages" {
                @if let Some(here) = here {
                    @if !whole { a href={ "/message/" (here) "/graph" } { "Whole graph" } }
                    @if whole && facts.from > 0 { a href={ "/message/" (here) "/graph" } { "First effects" } }
                    @if whole && let Some(address) = facts.tree.nodes.first().and_then(rest) {
                        a rel="next" href=(address) { "More effects" }
                    }
                }
            }
            details {
                summary { "As a list" }
                div data-swap="graph-list" { (list::list(facts, names)) }
            }
            p.quiet {
                "A lane is a process, an arrow leads from the slot that emitted something to the slot \
                 it became. The time at an arrow lies between the two assignments, each by the clock of \
                 the scheduler that assigned: it can be negative where two clocks differ. When a slot \
                 was executed no unit records."
            }
        }
    }
}

fn notes(facts: &GraphFacts) -> Markup {
    let left = facts.tree.nodes.iter().fold(0_usize, |sum, node| sum.saturating_add(node.folded));
    html! {
        @if !facts.complete {
            p { (badge("kind", "not all")) " Not all of it could be read in time: this is what is known. \
                Reload the page to ask again." }
        }
        @if left > 0 {
            p.quiet { (count(left, "effect")) " at least left out: follow the dashed boxes." }
        }
    }
}

/// Where the effects are shown that a node leaves out.
fn rest(node: &Node) -> Option<String> {
    let (entry, next) = (node.entry?, node.next?);
    Some(match next {
        0 => format!("/message/{entry}/graph"),
        next => format!("/message/{entry}/graph?from={next}"),
    })
}

/// A reply that came in a later slot than the message's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LateReply<'a> {
    pub(crate) answer: &'a AskAnswer,
    /// The slot that replied, and the message that stands there.
    pub(crate) slot: Slot,
    pub(crate) entry: Option<EntryId>,
}

/// The reply to the message of a graph, if it came in a later slot that the graph shows.
pub(crate) fn late_reply(facts: &GraphFacts) -> Option<LateReply<'_>> {
    let nodes = &facts.tree.nodes;
    let record = &nodes.first()?.hop()?.record;
    let asked = match &record.entry {
        Entry::Delivery(delivery) => Some((delivery.source, delivery.slot, delivery.item.index)),
        _ => None,
    };
    nodes.iter().find_map(|node| {
        let (item, (process, slot)) = node.item.as_ref().zip(node.source)?;
        let answer = match &item.body {
            ItemBody::Answered { call, answer } => {
                (*call == record.assignment.slot).then_some(answer)
            }
            ItemBody::Reply { slot, index, answer } => {
                (asked == Some((item.target, *slot, *index))).then_some(answer)
            }
            _ => None,
        };
        let own = process == record.assignment.process;
        let entry = node.parent.and_then(|parent| nodes.get(parent)?.entry);
        Some(LateReply { answer: answer.filter(|_| own)?, slot, entry })
    })
}

/// The processes that a graph shows.
pub(crate) fn mentioned(facts: &GraphFacts) -> BTreeSet<ProcessId> {
    let lanes = facts.tree.nodes.iter().filter_map(|node| match node.hop() {
        Some(Hop { record, .. }) => Some(record.assignment.process),
        None => node.item.as_ref().map(|item| item.target),
    });
    lanes.collect()
}

#[cfg(test)]
mod tests;
