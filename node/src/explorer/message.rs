//! One message: what it asks, what came of it, what proves both, where it came from and what it
//! caused.

mod receipts;

use maud::{Markup, html};
use protocol::{AskAnswer, AssignmentProof, Entry, Failure, LogLine, Outcome, Reply};

use super::{
    facts::{Arrival, Caused, GraphFacts, MessageFacts, Names, Origin, ReceiptFacts},
    graph::{self, LateReply},
    log::{call, outcome_cell},
    problem::note,
    show::{self, badge, full, number, plain, time, value_block, value_line},
};

/// The most log lines and events shown.
const LINES_MAX: usize = 100;

/// The most characters of a log line.
const LINE_MAX: usize = 1_000;

/// One message, with what it caused and what units state of it.
pub(crate) fn page(
    facts: &MessageFacts,
    caused_further: &GraphFacts,
    stated: &[ReceiptFacts],
    names: &Names,
) -> Markup {
    let assignment = &facts.record.assignment;
    html! {
        p.crumbs {
            a href="/processes" { "Processes" } " / " (show::process(&assignment.process, names))
        }
        h1 { "Slot " (assignment.slot) " " (badge("kind", facts.call.kind)) }
        p.lead { (full(assignment.entry)) }
        section.flow aria-label="Cause and effect" data-swap="flow" {
            (came_from(facts, names))
            div.step.here {
                h2 { "This message" }
                p { (show::process(&assignment.process, names)) " " (call(&facts.call)) }
                p { (outcome_cell(&facts.progress)) }
            }
            (caused(facts, names))
        }
        (graph::section(caused_further, names, false))
        section aria-labelledby="message" {
            h2 #message { "Message" }
            (said(facts, names))
        }
        section data-swap="outcome" aria-labelledby="outcome" {
            h2 #outcome { "Outcome" }
            @match facts.progress.executed() {
                Some(executed) => (outcome(&executed.outcome, graph::late_reply(caused_further))),
                None => p { (outcome_cell(&facts.progress)) },
            }
            @if let Some(problem) = &facts.problem { (note(problem)) }
        }
        section data-swap="proofs" aria-labelledby="proofs" {
            h2 #proofs { "Proofs" }
            (proofs(facts, stated))
        }
    }
}

fn came_from(facts: &MessageFacts, names: &Names) -> Markup {
    html! {
        div.step {
            h2 { "Where it came from" }
            @match &facts.origin {
                Some(Origin { process, slot, index, entry }) => {
                    p {
                        (show::process(process, names)) ", "
                        @match entry {
                            Ok(record) => (show::message(&record.assignment.entry, format!("slot {slot}"))),
                            Err(_) => { "slot " (slot) },
                        }
                        ", effect " (index)
                    }
                    @match entry {
                        Ok(record) => p { (call(&super::facts::Call::of_entry(&record.entry))) },
                        Err(problem) => (note(problem)),
                    }
                }
                None => p { (show::principal(&facts.call.from, names)) " "
                    @if let Entry::Answer(_) = facts.record.entry { "(its scheduler's word)" }
                    @else { span.quiet { "from outside, signed" } } },
            }
        }
    }
}

fn caused(facts: &MessageFacts, names: &Names) -> Markup {
    let total = facts.progress.executed().map_or(0, |executed| executed.outcome.outbox.len());
    let (first, shown) = (facts.items_from, facts.caused.len());
    let last = first.saturating_add(shown);
    html! {
        div.step {
            h2 { "What it caused " span.total { (total) } }
            @if total == 0 {
                p.empty { @if facts.progress.executed().is_some() { "Nothing." } @else { "Not known yet." } }
            }
            ul.caused { @for item in &facts.caused { li { (caused_item(item, names)) } } }
            nav.pages aria-label="Pages of effects" {
                @let here = facts.record.assignment.entry;
                @if first > 0 { a href={ "/message/" (here) } { "First" } }
                @if last < total && shown > 0 {
                    a href={ "/message/" (here) "?items=" (last) } { (total - last) " more" }
                }
            }
        }
    }
}

fn caused_item(caused: &Caused, names: &Names) -> Markup {
    html! {
        (show::process(&caused.item.target, names)) " " (call(&caused.call)) " "
        @match (&caused.arrival, &caused.entry) {
            (Arrival::Assigned(slot), Some(entry)) => {
                span.arrived { "→ " (show::message(entry, format!("slot {slot}"))) }
            }
            (Arrival::Internal, _) => span.quiet { "kept by the process" },
            (Arrival::Unknown(problem), _) => {
                (badge("wait", "not known")) " " span.quiet { (plain(&problem.detail, 120)) }
            }
            (Arrival::UnderWay | Arrival::Assigned(_), _) => (badge("wait", "on its way")),
        }
    }
}

fn said(facts: &MessageFacts, names: &Names) -> Markup {
    let assignment = &facts.record.assignment;
    html! {
        dl {
            dt { "Process" } dd { (show::process(&assignment.process, names)) ", slot " (assignment.slot) }
            dt { "From" } dd { @match &facts.call.from {
                protocol::Principal::Account(account) => (full(account)),
                other => (show::principal(other, names)),
            } }
            @if let Some(method) = &facts.call.method { dt { "Method" } dd { code { (plain(method, 128)) } } }
            @match &facts.record.entry {
                Entry::Message(message) => {
                    dt { "Nonce" } dd { (message.unverified().nonce) }
                    dt { "Expires" } dd { (time(message.unverified().expiry)) }
                }
                Entry::Delivery(delivery) | Entry::Skip(delivery) => {
                    @if let Some(pair) = delivery.item.pair {
                        dt { "Number of its pair" } dd { (pair.number) }
                    }
                }
                _ => {}
            }
        }
        @if let Some(args) = &facts.call.args {
            h3 { "Arguments" }
            (value_block(args))
        }
    }
}

fn outcome(outcome: &Outcome, late: Option<LateReply<'_>>) -> Markup {
    html! {
        @match &outcome.reply {
            Reply::Value(value) => (replied(value)),
            Reply::Failure(failure) => (failed(failure)),
            Reply::Later => {
                @match late {
                    Some(LateReply { answer, slot, entry }) => {
                        @match answer {
                            AskAnswer::Value(value) => (replied(value)),
                            AskAnswer::Failure(failure, _) => (failed(failure)),
                        }
                        p.quiet { "Replied in "
                            @match entry {
                                Some(entry) => (show::message(&entry, format!("slot {slot}"))),
                                None => { "slot " (slot) }
                            }
                            ", a later one."
                        }
                    }
                    None => p { "The reply follows in a later slot." }
                }
            }
        }
        p.quiet { "Gas " (number(outcome.gas.get())) }
        @if !outcome.logs.is_empty() {
            h3 { "Logs" }
            ul.lines { @for line in outcome.logs.iter().take(LINES_MAX) { (log_line(line)) } }
            (left(outcome.logs.len()))
        }
        @if !outcome.events.is_empty() {
            h3 { "Events" }
            ul.lines { @for event in outcome.events.iter().take(LINES_MAX) {
                li { b { (plain(&event.name, 60)) } " "
                    code { (value_line(&event.data)) } }
            } }
            (left(outcome.events.len()))
        }
    }
}

fn replied(value: &[u8]) -> Markup {
    html! {
        @if value_line(value) == "null" { p { "Done, without a reply." } }
        @else { h3 { "Reply" } (value_block(value)) }
    }
}

fn failed(failure: &Failure) -> Markup {
    html! {
        h3 { "Error" }
        p { (show::code_badge(&failure.code)) " " bdi { (plain(&failure.detail, LINE_MAX)) } }
    }
}

fn log_line(line: &LogLine) -> Markup {
    let level = match line.level {
        0 => "trace",
        1 => "debug",
        2 => "info",
        3 => "warning",
        _ => "error",
    };
    html! { li { (badge("kind", level)) " " bdi { (plain(&line.text, LINE_MAX)) } } }
}

fn left(count: usize) -> Markup {
    html! { @if count > LINES_MAX { p.quiet { (count - LINES_MAX) " more" } } }
}

fn proofs(facts: &MessageFacts, stated: &[ReceiptFacts]) -> Markup {
    html! {
        div.columns {
            div {
                h3 { "Order" }
                @match &facts.proof {
                    Ok(proof) => (assignment_proof(proof)),
                    Err(problem) => {
                        p { (badge("bad", "not verified")) }
                        (note(problem))
                    }
                }
            }
            div {
                h3 { "Execution" }
                (receipts::receipts(facts, stated))
            }
        }
    }
}

fn assignment_proof(proof: &AssignmentProof) -> Markup {
    let (assignment, batch) = (&proof.assignment, proof.batch.unverified());
    html! {
        p { (badge("ok", "verified")) " Signature and inclusion path were checked by this gateway." }
        dl {
            dt { "Scheduler" } dd { (show::unit(&batch.scheduler)) }
            dt { "Epoch" } dd { (assignment.epoch) }
            dt { "Slot" } dd { (assignment.slot) }
            dt { "Time" } dd { (time(assignment.time)) }
            dt { "Chain hash" } dd { code.hash { (assignment.chain) } }
            dt { "Batch" } dd { "number " (number(batch.number)) ", one of " (number(batch.count.into())) }
            dt { "Batch root" } dd { code.hash { (batch.root) } }
        }
    }
}

#[cfg(test)]
mod tests;
