//! The graph as nested lists: everything that the drawing shows, times and proofs besides.

use maud::{Markup, html};
use protocol::ItemBody;

use super::{
    rest,
    words::{Came, call_of, latency, proven},
};
use crate::{
    explorer::{
        facts::{GraphFacts, Names},
        log,
        show::{self, badge, number, plain},
    },
    trace::{Execution, Hop, Node, Reached, Tree, Via},
};

/// The most characters of why something is not known, which units may have written.
const PROBLEM_MAX: usize = 200;

/// A tree while it becomes a list.
struct List<'a> {
    tree: &'a Tree,
    names: &'a Names,
    children: Vec<Vec<usize>>,
}

/// The nested lists.
pub(super) fn list(facts: &GraphFacts, names: &Names) -> Markup {
    let tree = &facts.tree;
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate() {
        if let Some(children) = node.parent.and_then(|parent| children.get_mut(parent)) {
            children.push(at);
        }
    }
    let list = List { tree, names, children };
    html! { ol.tree { @if !tree.nodes.is_empty() { (list.item(0)) } } }
}

impl List<'_> {
    /// A node and what follows from it. Trees are as deep as their bounds allow, and no deeper.
    fn item(&self, at: usize) -> Markup {
        let Some(node) = self.tree.nodes.get(at) else { return html! {} };
        let children = self.children.get(at).map(Vec::as_slice).unwrap_or_default();
        html! {
            li {
                (self.head(node))
                @if let Some(hop) = node.hop() { p.quiet { (self.times(at, node, hop)) } }
                @if let Some(problem) = problem(node) { p.quiet { (plain(problem, PROBLEM_MAX)) } }
                @if !children.is_empty() || node.folded > 0 {
                    ol {
                        @for child in children { (self.item(*child)) }
                        @if node.folded > 0 { li { (folded(node)) } }
                    }
                }
            }
        }
    }

    /// Where it stands, what it asks, what came of it.
    fn head(&self, node: &Node) -> Markup {
        let came = Came::of(node);
        let assignment = node.hop().map(|hop| &hop.record.assignment);
        let process = match (assignment, &node.item) {
            (Some(assignment), _) => Some(assignment.process),
            (None, item) => item.as_ref().map(|item| item.target),
        };
        html! {
            p {
                @if let Some(process) = process { (show::process(&process, self.names)) " " }
                @if let Some(assignment) = assignment {
                    (show::message(&assignment.entry, format!("slot {}", assignment.slot))) " "
                }
                @if let Some(call) = call_of(node) { (log::call(&call)) " " }
                @if came.tone == "ok" { span.good { (came.text) } }
                @else { (badge(came.tone, came.text)) }
            }
        }
    }

    fn times(&self, at: usize, node: &Node, hop: &Hop) -> Markup {
        let due = match (node.via, node.item.as_ref().map(|item| &item.body)) {
            (Via::Firing(_), Some(ItemBody::Timer { due, .. })) => Some(*due),
            (_, Some(ItemBody::Ask { deadline, .. })) => Some(*deadline),
            (_, Some(ItemBody::Spawn(_, deadline))) => *deadline,
            _ => None,
        };
        let assigned = &hop.record.assignment;
        html! {
            "Assigned " (show::time(assigned.time))
            @if hop.proof.is_ok() { ", signed" } @else { ", not proven" }
            @if let Some(latency) = latency(self.tree, node) { ", " (latency) " after its cause" }
            @if let Ok(proof) = &hop.proof {
                "; durable in a batch of " (show::time(proof.batch.unverified().time))
            }
            @if let Some(before) = self.tree.executed_before(at) {
                "; executed before " (show::time(before))
            }
            @if let Some(due) = due { "; due " (show::time(due)) }
            @if let Some(expires) = hop.expires() { "; valid until " (show::time(expires)) }
            "; " (proven(hop))
            @if let Some(outcome) = hop.outcome() { "; gas " (number(outcome.gas.get())) }
        }
    }
}

fn folded(node: &Node) -> Markup {
    html! {
        @match rest(node) {
            Some(address) => a href=(address) { "and " (node.folded) " more" },
            None => { "and " (node.folded) " more" }
        }
    }
}

/// Why something of a node is not known.
fn problem(node: &Node) -> Option<&str> {
    match &node.reached {
        Reached::Unknown(problem) => Some(problem),
        Reached::Hop(hop) => match (&hop.execution, &hop.proof) {
            (Execution::Unknown(problem), _) | (_, Err(problem)) => Some(problem),
            _ => None,
        },
        Reached::UnderWay | Reached::Refused(_) | Reached::Kept => None,
    }
}
