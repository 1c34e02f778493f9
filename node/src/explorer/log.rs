//! A log as a table: what was asked in each slot, by whom, and what came of it.

use maud::{Markup, html};
use protocol::{Assignment, Outcome, ProcessId, Reply, Slot};

use super::{
    facts::{Call, LogFacts, Names, Progress, SlotFacts},
    problem::note,
    show::{self, args_line, badge, count, number, plain, value_line},
};

/// The most outbox items of a slot that a table shows.
const ITEMS_MAX: usize = 4;

/// A piece of a log with links to the pieces around it.
pub(crate) fn section(
    process: &ProcessId,
    log: &LogFacts,
    names: &Names,
    before: Option<Slot>,
) -> Markup {
    let oldest = log.rows.last().map(|row| row.assignment.slot);
    html! {
        section aria-labelledby="log" {
            h2 #log { "Log " span.total data-swap="log-total" { (number(log.next.get())) " slots" } }
            @if let Some(problem) = &log.problem { (note(problem)) }
            div.scroll {
                table.cards.log {
                    thead { tr {
                        th scope="col" { "Slot" } th scope="col" { "Time (UTC)" }
                        th scope="col" { "From" } th scope="col" { "Call" }
                        th scope="col" { "Outcome" } th scope="col" { "Effects" }
                        th scope="col" { "Gas" }
                    } }
                    tbody data-rows="log" {
                        @for row in &log.rows { (self::row(row, names)) }
                    }
                }
            }
            nav.pages aria-label="Pages of the log" {
                @if before.is_some() { a href={ "/process/" (process) } { "Newest" } }
                @if let Some(oldest) = oldest && oldest > Slot::ZERO {
                    a rel="next" href={ "/process/" (process) "?before=" (oldest) } { "Older" }
                }
            }
        }
    }
}

fn row(row: &SlotFacts, names: &Names) -> Markup {
    let SlotFacts { assignment, call, progress } = row;
    html! {
        tr id={ "s-" (assignment.slot) } data-rev=(progress.word()) {
            td.number data-label="Slot" { (show::message(&assignment.entry, assignment.slot)) }
            td data-label="Time" { (show::time(assignment.time)) }
            td data-label="From" { (show::principal(&call.from, names)) }
            td data-label="Call" { (self::call(call)) }
            td data-label="Outcome" { (outcome_cell(progress)) }
            td data-label="Effects" {
                @if let Some(executed) = progress.executed() { (effects(&executed.outcome, names)) }
            }
            td.number data-label="Gas" {
                @if let Some(executed) = progress.executed() { (number(executed.outcome.gas.get())) }
            }
        }
    }
}

/// Kind, method and arguments on one line.
pub(super) fn call(call: &Call) -> Markup {
    html! {
        @if call.kind != "message" { (badge("kind", call.kind)) " " }
        @let args = call.args.as_deref().map(args_line).unwrap_or_default();
        @if let Some(method) = &call.method {
            code.call { b { (plain(method, 60)) } "(" (args) ")" }
        } @else if !args.is_empty() {
            code.call { (args) }
        }
    }
}

/// The reply or the error, on one line.
pub(super) fn outcome_cell(progress: &Progress) -> Markup {
    let executed = match progress {
        Progress::Executed(executed) => executed,
        Progress::Waiting => return badge("wait", "waiting"),
        Progress::Unknown => return badge("wait", "not known"),
    };
    reply_cell(&executed.outcome.reply)
}

/// A reply or an error, on one line.
pub(super) fn reply_cell(reply: &Reply) -> Markup {
    html! {
        span.outcome {
            @match reply {
                Reply::Value(value) => {
                    @let line = value_line(value);
                    @if line == "null" { span.good { "done" } } @else { code.good { (line) } }
                }
                Reply::Failure(failure) => {
                    (show::code_badge(&failure.code)) " "
                    bdi { (plain(&failure.detail, 120)) }
                }
                Reply::Later => (badge("wait", "reply follows")),
            }
        }
    }
}

fn effects(outcome: &Outcome, names: &Names) -> Markup {
    let more = outcome.outbox.len().saturating_sub(ITEMS_MAX);
    if outcome.outbox.is_empty() && outcome.logs.is_empty() && outcome.events.is_empty() {
        return html! {};
    }
    html! {
        ul.effects {
            @for item in outcome.outbox.iter().take(ITEMS_MAX) {
                @let call = Call::of_item(outcome.process, item);
                li {
                    (badge("kind", call.kind)) " " (show::process(&item.target, names))
                    @if let Some(method) = &call.method { " " code { (plain(method, 40)) } }
                }
            }
            @if more > 0 { li { (show::message(&outcome.entry, format!("{more} more"))) } }
            @if !outcome.logs.is_empty() { li.quiet { (count(outcome.logs.len(), "log")) } }
            @if !outcome.events.is_empty() { li.quiet { (count(outcome.events.len(), "event")) } }
        }
    }
}

/// A name for a slot that is unique among all logs.
pub(super) fn slot_id(assignment: &Assignment) -> String {
    format!("{}-{}", assignment.process, assignment.slot)
}

#[cfg(test)]
mod tests;
