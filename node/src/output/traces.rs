//! What `trace` prints: an object for each node of a causal tree, or a line for people.

use std::collections::BTreeMap;

use protocol::{EntryId, ItemBody, ProcessId, Reply, Timestamp, UnitId, json::bytes_to_json};
use serde::Serialize;
use serde_json::Value as Json;

use super::{ActorError, count, printable, short};
use crate::{
    explorer::facts::Call,
    trace::{Execution, Hop, Node, Reached, Tree, Via},
};

/// How many characters of arguments and replies people see.
const VALUE_MAX: usize = 60;

/// A node of a causal tree.
#[derive(Debug, Serialize)]
pub(crate) struct TraceShape {
    /// Its position in the tree.
    node: usize,
    /// The position of what caused it.
    parent: Option<usize>,
    depth: u32,
    kind: &'static str,
    /// `executed`, `assigned`, `under-way`, `refused`, `kept` or `unknown`.
    state: &'static str,
    /// Whose log it stands in, or shall stand in.
    process: Option<ProcessId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    slot: Option<u64>,
    epoch: Option<u64>,
    message: Option<EntryId>,
    from: Option<String>,
    method: Option<String>,
    args: Json,
    times: TimesShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ActorError>,
    gas: Option<u64>,
    /// How many items the slot emitted.
    effects: Option<usize>,
    proof: Option<ProvenShape>,
    /// How many effects are left out.
    folded: usize,
    /// Why something is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Times in milliseconds since the Unix epoch, each by the clock that its field names.
#[derive(Debug, Default, Serialize)]
struct TimesShape {
    /// Until when its sender let it be assigned: the sender's clock, under the sender's signature.
    expires: Option<u64>,
    /// When it got its slot: the scheduler's clock.
    assigned: Option<u64>,
    /// Whether the scheduler's signature over that time was checked.
    assigned_signed: bool,
    /// When the batch that made it durable was formed: the scheduler's clock, signed.
    batched: Option<u64>,
    /// When it was executed: no unit records that.
    executed: Option<u64>,
    /// When the first of its effects was assigned, by the clock of that scheduler.
    executed_before: Option<u64>,
    /// When a timer is due, or an ask ends: by the actor that set it.
    due: Option<u64>,
}

/// What of a node was checked.
#[derive(Debug, Serialize)]
struct ProvenShape {
    /// Whose word it is: `not proven`, `assigned`, `executed by one`, `executed by 2` and so on.
    level: String,
    /// The scheduler that signed the place.
    scheduler: Option<UnitId>,
    /// Units whose receipts state the outcome.
    receipts: Vec<UnitId>,
    /// How many receipts the policy wants.
    quorum: Option<u32>,
    /// Units that state another outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    against: Vec<UnitId>,
}

impl TraceShape {
    /// The nodes of a tree, each behind its parent.
    pub(crate) fn of_tree(tree: &Tree, names: &BTreeMap<ProcessId, String>) -> Vec<Self> {
        let nodes = tree.nodes.iter().enumerate();
        nodes.map(|(at, node)| Self::of(at, node, tree, names)).collect()
    }

    fn of(at: usize, node: &Node, tree: &Tree, names: &BTreeMap<ProcessId, String>) -> Self {
        let item = node.item.as_ref();
        let emitted = item.zip(node.source);
        let call = match (node.hop(), emitted) {
            (Some(hop), _) => Some(Call::of_entry(&hop.record.entry)),
            (None, Some((item, (source, _)))) => Some(Call::of_item(source, item)),
            (None, None) => None,
        };
        let process = match (node.hop(), item) {
            (Some(hop), _) => Some(hop.record.assignment.process),
            (None, item) => item.map(|item| item.target),
        };
        let assignment = node.hop().map(|hop| &hop.record.assignment);
        let outcome = node.hop().and_then(Hop::outcome);
        let (reply, error) = match outcome.map(|outcome| &outcome.reply) {
            Some(Reply::Value(bytes)) => (Some(bytes_to_json(bytes)), None),
            Some(Reply::Later) => (Some(Json::Null), None),
            Some(Reply::Failure(failure)) => (None, Some(failure.into())),
            None => (None, None),
        };
        let (state, problem) = state(node);
        Self {
            node: at,
            parent: node.parent,
            depth: node.depth,
            kind: call.as_ref().map_or("message", |call| call.kind),
            state,
            process,
            name: process.and_then(|process| names.get(&process).cloned()),
            slot: assignment.map(|assignment| assignment.slot.get()),
            epoch: assignment.map(|assignment| assignment.epoch.get()),
            message: node.entry,
            from: call.as_ref().map(|call| call.from.to_string()),
            method: call.as_ref().and_then(|call| call.method.clone()),
            args: call.and_then(|call| call.args).map_or(Json::Null, |args| bytes_to_json(&args)),
            times: times(node, tree.executed_before(at)),
            reply,
            error,
            gas: outcome.map(|outcome| outcome.gas.get()),
            effects: outcome.map(|outcome| outcome.outbox.len()),
            proof: node.hop().map(ProvenShape::of),
            folded: node.folded,
            problem,
        }
    }

    /// Whether units contradict each other, or the scheduler does not prove the place.
    pub(crate) fn contradicted(&self) -> bool {
        self.proof.as_ref().is_some_and(|proof| !proof.against.is_empty())
    }

    /// The slot, for people.
    pub(crate) fn place(&self) -> String {
        let process = self.process.map_or_else(|| "?".to_owned(), |process| short(&process));
        let called = self.name.as_ref().map_or(process, |name| printable(name));
        match self.slot {
            Some(slot) => format!("{called}:{slot}"),
            None => called,
        }
    }

    /// The line that people read, with the time since the message was assigned.
    pub(crate) fn line(&self, root: Option<u64>) -> String {
        let indent = "  ".repeat(usize::try_from(self.depth).unwrap_or(0));
        let method = self.method.as_deref().map(printable).unwrap_or_default();
        let args = match &self.args {
            Json::Null => String::new(),
            args => brief(&args.to_string()),
        };
        let mut words = vec![self.kind.to_owned(), method, args, format!("-> {}", self.came())];
        if let Some(gas) = self.gas {
            words.push(format!(" gas {gas}"));
        }
        if let Some((assigned, root)) = self.times.assigned.zip(root) {
            let signed = if self.times.assigned_signed { "" } else { " (unsigned)" };
            words.push(match assigned.checked_sub(root) {
                Some(after) => format!(" +{after} ms{signed}"),
                // Another scheduler's clock.
                None => format!(" -{} ms{signed}", root.saturating_sub(assigned)),
            });
        }
        if let Some(proof) = &self.proof {
            words.push(format!(" {}", proof.text()));
        }
        if let (Some(message), true) = (self.message, self.slot.is_some()) {
            words.push(format!(" {message}"));
        }
        words.retain(|word| !word.is_empty());
        let mut text = format!("{indent}{}  {}", self.place(), words.join(" "));
        if self.folded > 0 {
            let more = count(u64::try_from(self.folded).unwrap_or(u64::MAX), "more effect");
            text.push_str(&format!("\n{indent}  ({more})"));
        }
        text
    }

    /// When it was assigned.
    pub(crate) const fn assigned(&self) -> Option<u64> {
        self.times.assigned
    }

    fn came(&self) -> String {
        if let Some(error) = &self.error {
            return brief(&printable(&format!("error {}: {}", error.code, error.detail)));
        }
        match (&self.reply, self.state) {
            (Some(reply), _) => brief(&reply.to_string()),
            (None, "assigned") => "not executed yet".to_owned(),
            (None, "under-way") => "on its way".to_owned(),
            (None, "kept") => "kept by the process".to_owned(),
            (None, state) => {
                let why = self.problem.as_deref().map(printable).unwrap_or_default();
                format!("{state}: {why}")
            }
        }
    }
}

fn state(node: &Node) -> (&'static str, Option<String>) {
    match &node.reached {
        Reached::Hop(hop) => {
            let unproven = hop.proof.as_ref().err().cloned();
            match &hop.execution {
                Execution::Done(_) => ("executed", unproven),
                Execution::Waiting => ("assigned", unproven),
                Execution::Unknown(problem) => ("unknown", Some(problem.clone())),
            }
        }
        Reached::UnderWay => ("under-way", None),
        Reached::Refused(code) => ("refused", Some(code.word().to_owned())),
        Reached::Kept => ("kept", None),
        Reached::Unknown(problem) => ("unknown", Some(problem.clone())),
    }
}

fn times(node: &Node, executed_before: Option<Timestamp>) -> TimesShape {
    let millis = |time: Option<Timestamp>| time.map(Timestamp::get);
    let due = match (node.via, node.item.as_ref().map(|item| &item.body)) {
        (Via::Firing(_), Some(ItemBody::Timer { due, .. })) => Some(*due),
        (_, Some(ItemBody::Ask { deadline, .. })) => Some(*deadline),
        (_, Some(ItemBody::Spawn(_, deadline))) => *deadline,
        _ => None,
    };
    let Some(hop) = node.hop() else {
        return TimesShape { due: millis(due), ..TimesShape::default() };
    };
    let proof = hop.proof.as_ref().ok();
    TimesShape {
        expires: millis(hop.expires()),
        assigned: Some(hop.record.assignment.time.get()),
        assigned_signed: proof.is_some(),
        batched: proof.map(|proof| proof.batch.unverified().time.get()),
        executed: None,
        executed_before: millis(executed_before),
        due: millis(due),
    }
}

impl ProvenShape {
    fn of(hop: &Hop) -> Self {
        let agreed = hop.execution.agreed();
        let proof = hop.proof.as_ref().ok();
        Self {
            level: hop.level(),
            scheduler: proof.map(|proof| proof.batch.unverified().scheduler),
            receipts: agreed.map(|agreed| agreed.units.clone()).unwrap_or_default(),
            quorum: agreed.map(|agreed| agreed.quorum),
            against: agreed.map(|agreed| agreed.against.clone()).unwrap_or_default(),
        }
    }

    fn text(&self) -> String {
        let wanted = match self.quorum {
            Some(quorum)
                if usize::try_from(quorum).is_ok_and(|many| many > self.receipts.len()) =>
            {
                format!(" of {quorum}")
            }
            _ => String::new(),
        };
        let place = if self.scheduler.is_none() { ", place not proven" } else { "" };
        let against = match self.against.is_empty() {
            true => String::new(),
            false => format!(", {} AGAINST IT", self.against.len()),
        };
        format!("{}{wanted}{place}{against}", self.level)
    }
}

/// The beginning of a text.
fn brief(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
