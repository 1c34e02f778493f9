//! A log as a table: what was asked in each slot, by whom, and what came of it.

use maud::{Markup, html};
use protocol::{Assignment, Outcome, Reply, Slot};

use super::{
    facts::{Call, LogPage, Names, ProcessFacts, Progress, SlotFacts},
    filter::{FIELD_MAX, Place, Sender, Wanted},
    problem::note,
    show::{self, args_line, badge, count, number, plain, value_line},
};

/// The most outbox items of a slot that a table shows.
const ITEMS_MAX: usize = 4;

/// The most methods that a field offers.
const METHODS_MAX: usize = 100;

/// A page of a log, with a filter and links to the pages around it.
pub(crate) fn section(facts: &ProcessFacts, page: &LogPage, names: &Names) -> Markup {
    let log = &page.log;
    html! {
        section aria-labelledby="log" {
            h2 #log { "Log " span.total data-swap="log-total" { (number(log.next.get())) " slots" } }
            (filter(facts, page))
            @if let Some(problem) = &log.problem { (note(problem)) }
            (found(page))
            div.scroll {
                table.cards.log hidden[log.rows.is_empty()] {
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
            (pages(facts, page))
        }
    }
}

/// The form that says which slots are wanted.
fn filter(facts: &ProcessFacts, page: &LogPage) -> Markup {
    let LogPage { filter, log, .. } = page;
    let schema = facts.schema.as_ref().ok().and_then(Option::as_ref);
    let methods = schema.map(|schema| schema.methods.as_slice()).unwrap_or_default();
    let kinds = ["message", "tell", "ask", "reply", "timer", "spawn", "control"];
    html! {
        form.filter action={ "/process/" (facts.process) "#log" } aria-label="Which slots of the log" {
            label { "Method or kind"
                input name="method" list="methods-known" maxlength=(FIELD_MAX) autocomplete="off"
                    spellcheck="false" value=[filter.method.as_deref().map(|text| plain(text, FIELD_MAX))];
            }
            datalist #methods-known {
                @for method in methods.iter().take(METHODS_MAX) { option value=(plain(&method.name, 60)); }
                @for kind in kinds { option value=(kind); }
            }
            label { "From"
                input name="sender" list="senders-known" maxlength=(FIELD_MAX) autocomplete="off"
                    spellcheck="false" placeholder="kind or identifier"
                    value=[filter.sender.as_ref().map(Sender::text)];
            }
            datalist #senders-known {
                @for kind in ["anonymous", "account", "process"] { option value=(kind); }
            }
            label { "Outcome"
                select name="outcome" {
                    option value="" { "any" }
                    @for wanted in Wanted::ALL {
                        option value=(wanted.word()) selected[filter.outcome == Some(wanted)] { (wanted.word()) }
                    }
                }
            }
            label { "Up to slot"
                input type="number" name="upto" min="0" max=(log.next.get().saturating_sub(1))
                    step="1" inputmode="numeric" placeholder="last"
                    value=[upto(page.place)];
            }
            button type="submit" { "Show" }
            @if !filter.is_empty() || page.place != Place::Newest {
                a href={ "/process/" (facts.process) "#log" } { "Clear" }
            }
        }
    }
}

/// The newest slot that a page may show, if that was asked for.
fn upto(place: Place) -> Option<u64> {
    match place {
        Place::Before(slot) => slot.get().checked_sub(1),
        Place::Newest | Place::From(_) => None,
    }
}

/// What a search came to, and the way on if it ended early.
fn found(page: &LogPage) -> Markup {
    let LogPage { log, filter, span, cut, .. } = page;
    let (first, end) = (span.0.get(), span.1.get());
    let onward = match page.place {
        Place::From(_) => Place::From(span.1),
        Place::Newest | Place::Before(_) => Place::Before(span.0),
    };
    if filter.is_empty() {
        return html! { @if log.rows.is_empty() { p.empty { "No slots here." } } };
    }
    html! {
        p.found role="status" {
            (count(log.rows.len(), "slot")) " found among "
            @if first < end { "slots " (number(first)) " to " (number(end.saturating_sub(1))) ". " }
            @else { "no slots. " }
            @if *cut {
                "There are more to look through: "
                a #go-on href={ (filter.query(onward)) "#log" } { "go on" }
            }
        }
    }
}

/// Links to the pages around a page; they keep the filter.
fn pages(facts: &ProcessFacts, page: &LogPage) -> Markup {
    let LogPage { log, filter, span, place, .. } = page;
    let to = |place| format!("/process/{}{}#log", facts.process, filter.query(place));
    let (first, end) = *span;
    html! {
        nav.pages aria-label="Pages of the log" {
            @if *place != Place::Newest { a href=(to(Place::Newest)) { "Newest" } }
            @if end < log.next { a rel="prev" href=(to(Place::From(end))) { "Newer" } }
            @if first > Slot::ZERO {
                a rel="next" href=(to(Place::Before(first))) { "Older" }
                a href=(to(Place::From(Slot::ZERO))) { "Oldest" }
            }
        }
    }
}

fn row(row: &SlotFacts, names: &Names) -> Markup {
    let SlotFacts { assignment, call, progress, .. } = row;
    html! {
        tr id={ "s-" (assignment.slot) } data-rev=(progress.word()) {
            td.number data-label="Slot" {
                (show::message(&assignment.entry, assignment.slot)) " "
                a.after href={ "/process/" (assignment.process) "/state?at=" (assignment.slot) }
                    title={ "State after slot " (assignment.slot) } { "state" }
            }
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
