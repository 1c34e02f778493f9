//! The network at a glance: units, processes, and outcomes as they come.

use maud::{Markup, html};
use protocol::NetworkId;

use super::{
    facts::{Names, ProcessList, SlotFacts, UnitFacts},
    log::{outcome_cell, slot_id},
    pace::{Pace, figures},
    process::{missing, table},
    show::{self, full, minute, number},
    unit::counters_brief,
};

/// The most rows of the feed.
pub(crate) const FEED_MAX: usize = 20;

/// What the page is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    pub(crate) network: &'a NetworkId,
    pub(crate) units: &'a [UnitFacts],
    pub(crate) pace: &'a Pace,
    pub(crate) processes: &'a ProcessList,
    pub(crate) recent: &'a [SlotFacts],
    pub(crate) names: &'a Names,
}

/// The first page.
pub(crate) fn page(home: Home<'_>) -> Markup {
    let Home { network, units, pace, processes, recent, names } = home;
    html! {
        h1 { "Network" }
        p.lead { (full(network)) }
        section aria-labelledby="units" {
            h2 #units { a href="/units" { "Units" } " " span.total { (units.len()) } }
            @if units.is_empty() {
                p.empty { "No unit is known. Start some with " code { "antiphon up" } "." }
            } @else {
                (figures(pace))
                (units_table(&units.iter().collect::<Vec<_>>(), "units"))
            }
        }
        div.columns {
            section aria-labelledby="processes" {
                h2 #processes {
                    "Processes " span.total data-swap="process-total" { (number(processes.total)) }
                }
                (missing(&processes.missing))
                @if processes.rows.is_empty() {
                    p.empty data-swap="no-process" {
                        "No process yet. " code { "antiphon spawn FILE.wasm --name NAME" } " makes one."
                    }
                }
                (table(&processes.rows))
                @if processes.total > processes.rows.len() as u64 {
                    p { a href="/processes" { "All processes" } }
                }
            }
            section aria-labelledby="outcomes" {
                h2 #outcomes { "Outcomes" }
                (feed(recent, names))
            }
        }
    }
}

/// Units as a table, which a script finds by its key.
pub(super) fn units_table(units: &[&UnitFacts], key: &str) -> Markup {
    html! {
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "Role" } th scope="col" { "Unit" } th scope="col" { "Operator" }
                    th scope="col" { "Address" } th scope="col" { "Software" }
                    th scope="col" { "Up since (UTC)" } th scope="col" { "Counters" }
                } }
                tbody data-rows=(key) { @for unit in units { (unit_row(unit)) } }
            }
        }
    }
}

fn unit_row(facts: &UnitFacts) -> Markup {
    let record = &facts.record;
    let row = html! {
        td data-label="Role" { (record.role) }
        td.line data-label="Unit" {
            (show::unit(&record.unit))
            button.copy type="button" data-copy=(record.unit) hidden { "copy" }
        }
        td data-label="Operator" { (show::brief(record.operator)) }
        td data-label="Address" {
            @for address in &record.addresses { code.id { (show::plain(address, 60)) } " " }
        }
        @match &facts.status {
            Ok(status) => {
                td.line data-label="Software" { (show::plain(&status.software, 40)) }
                td data-label="Up since" { (minute(status.started)) }
                td data-label="Counters" { (counters_brief(status)) }
            }
            Err(problem) => {
                td data-label="State" colspan="3" {
                    (show::badge("bad", "not reachable")) " "
                    span.quiet { (show::plain(&problem.detail, 120)) }
                }
            }
        }
    };
    html! { tr id={ "u-" (record.unit) } { (row) } }
}

/// The newest outcomes; a script puts what comes later on top.
fn feed(recent: &[SlotFacts], names: &Names) -> Markup {
    html! {
        table.feed.cards {
            thead { tr {
                th scope="col" { "Process" } th scope="col" { "Slot" } th scope="col" { "Call" }
                th scope="col" { "Outcome" }
            } }
            tbody #feed data-most=(FEED_MAX) {
                @for row in recent.iter().take(FEED_MAX) { (feed_row(row, names)) }
            }
        }
        p.empty #quiet hidden[!recent.is_empty()] { "No outcome yet. They appear here as units state them." }
        template #feed-row { tr {
            td data-label="Process" { a.process {} }
            td.number data-label="Slot" { a.slot {} }
            td data-label="Call" { code.call {} }
            td data-label="Outcome" { span.outcome {} }
        } }
    }
}

fn feed_row(row: &SlotFacts, names: &Names) -> Markup {
    let assignment = &row.assignment;
    html! {
        tr id={ "f-" (slot_id(assignment)) } data-time=(assignment.time) {
            td data-label="Process" { (show::process(&assignment.process, names)) }
            td.number data-label="Slot" { (show::message(&assignment.entry, assignment.slot)) }
            td data-label="Call" {
                code.call { (row.call.method.as_deref().map_or_else(
                    || row.call.kind.to_owned(), |method| show::plain(method, 40))) }
            }
            td data-label="Outcome" { (outcome_cell(&row.progress)) }
        }
    }
}

#[cfg(test)]
mod tests;
