//! What is said of a node, in the drawing and in the list. Pure.

use maud::{Markup, html};
use protocol::{AskAnswer, ItemBody, Reply, Timestamp};

use crate::{
    explorer::{
        facts::Call,
        show::{self, plain, value_line},
    },
    trace::{Execution, Hop, Node, Reached, Tree, Via},
};

/// What became of a node, in a word, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Came {
    /// `ok`, `bad`, `wait` or `kind`.
    pub(super) tone: &'static str,
    pub(super) text: String,
}

impl Came {
    pub(super) fn of(node: &Node) -> Self {
        let (tone, text) = match &node.reached {
            Reached::Hop(hop) => return Self::of_hop(hop),
            // A timer can be set for any time: nobody waits for it.
            Reached::UnderWay if matches!(node.via, Via::Firing(_)) => ("kind", "not yet"),
            Reached::UnderWay => ("wait", "on its way"),
            Reached::Refused(code) => ("bad", code.word()),
            Reached::Kept => return Self::of_kept(node),
            Reached::Unknown(_) => ("kind", "not known"),
        };
        Self { tone, text: text.to_owned() }
    }

    /// What never becomes an entry: an answer to whoever called from outside, or a timer's end.
    fn of_kept(node: &Node) -> Self {
        match node.item.as_ref().map(|item| &item.body) {
            Some(ItemBody::Answered { answer: AskAnswer::Value(value), .. }) => {
                Self { tone: "ok", text: format!("to its client: {}", value_line(value)) }
            }
            Some(ItemBody::Answered { answer: AskAnswer::Failure(failure, _), .. }) => {
                let code = plain(&failure.code, 40);
                Self { tone: "bad", text: format!("to its client: {code}") }
            }
            _ => Self { tone: "kind", text: "kept by the process".to_owned() },
        }
    }

    fn of_hop(hop: &Hop) -> Self {
        let agreed = match &hop.execution {
            Execution::Done(agreed) => agreed,
            Execution::Waiting => return Self { tone: "wait", text: "waiting".to_owned() },
            Execution::Unknown(_) => return Self { tone: "kind", text: "not known".to_owned() },
        };
        let (tone, text) = match &agreed.outcome.reply {
            _ if !agreed.against.is_empty() => ("bad", "units disagree".to_owned()),
            Reply::Failure(failure) => ("bad", plain(&failure.code, 40)),
            Reply::Later => ("kind", "reply follows".to_owned()),
            Reply::Value(value) => match value_line(value) {
                line if line == "null" => ("ok", "done".to_owned()),
                line => ("ok", line),
            },
        };
        Self { tone, text }
    }
}

/// What a node asks for; nothing is known of a message that was not found.
pub(super) fn call_of(node: &Node) -> Option<Call> {
    let mut call = match (node.hop(), node.item.as_ref().zip(node.source)) {
        (Some(hop), _) => Call::of_entry(&hop.record.entry),
        (None, Some((item, (source, _)))) => Call::of_item(source, item),
        (None, None) => return None,
    };
    // The entry of a timer does not repeat what the item that set it asks for.
    if let (Via::Firing(_), Some((item, (source, _)))) =
        (node.via, node.item.as_ref().zip(node.source))
    {
        let set = Call::of_item(source, item);
        call = Call { kind: "timer", method: set.method, args: set.args, ..call };
    }
    Some(call)
}

/// When a node was assigned, by the clock of its scheduler.
pub(super) fn assigned(node: &Node) -> Option<Timestamp> {
    Some(node.hop()?.record.assignment.time)
}

/// The time from the assignment of its cause to that of a node.
pub(super) fn latency(tree: &Tree, node: &Node) -> Option<String> {
    let cause = tree.nodes.get(node.parent?)?;
    let (from, to) = (assigned(cause)?.get(), assigned(node)?.get());
    Some(match to.checked_sub(from) {
        Some(after) => span(after),
        None => format!("\u{2212}{}", span(from.saturating_sub(to))),
    })
}

/// A span of time, short.
fn span(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

/// How far a slot is proven, against what the policy wants.
pub(super) fn proven(hop: &Hop) -> Markup {
    let level = hop.level();
    html! {
        (level)
        @if let Some(agreed) = hop.execution.agreed() {
            @let wanted = usize::try_from(agreed.quorum).unwrap_or(usize::MAX);
            " of " (wanted) " wanted"
            @if !agreed.against.is_empty() {
                ", " (show::badge("bad", format!("{} against it", agreed.against.len())))
            }
        }
        @if hop.proof.is_err() { ", place not proven" }
    }
}
