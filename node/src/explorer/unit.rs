//! One unit: its record, and all it counts.

use maud::{Markup, html};
use protocol::api::UnitStatus;

use super::{
    facts::{Names, Problem, ProcessRow, UnitFacts, WaitingFacts},
    module::{Users, users},
    outbox,
    problem::note,
    process::table,
    show::{self, full, number, plain, time},
};

/// The most counters of a unit in a table, and on its own page.
const COUNTERS_MAX: (usize, usize) = (4, 200);

/// What a unit has of the network.
#[derive(Debug, Clone)]
pub(crate) enum Holdings {
    /// A scheduler: some of the processes it has a log of, newest first, and how many these are.
    Orders { rows: Vec<ProcessRow>, total: u64 },
    /// A messenger: what waits in it.
    Delivers(Box<WaitingFacts>, Names),
    /// A compute unit: processes whose policies name it, among the newest.
    Executes(Users),
}

/// One unit.
pub(crate) fn page(facts: &UnitFacts, holdings: &Result<Holdings, Problem>) -> Markup {
    let record = &facts.record;
    html! {
        p.crumbs { a href="/units" { "Units" } }
        h1 { "Unit: " (record.role) }
        p.lead { (full(record.unit)) }
        section {
            dl {
                dt { "Role" } dd { (record.role) }
                dt { "Operator" } dd { (full(record.operator)) }
                dt { "Address" }
                dd { @for address in &record.addresses {
                    (full(format!("{}@{}", record.unit, plain(address, 60)))) " "
                } }
                dt { "Record" } dd { "number " (record.sequence) ", expires " (time(record.expires)) }
                @if let Ok(status) = &facts.status {
                    dt { "Software" } dd { (plain(&status.software, 60)) }
                    dt { "Up since" } dd { (time(status.started)) }
                }
            }
        }
        @match holdings {
            Ok(holdings) => (held(holdings)),
            // It is down, which is said above.
            Err(_) if facts.status.is_err() => {}
            Err(problem) => section { h2 { "What it holds" } (note(problem)) },
        }
        section data-swap="counters" {
            h2 { "Counters" }
            @match &facts.status {
                Ok(status) => (counters(status)),
                Err(problem) => { p { (show::badge("bad", "not reachable")) } (note(problem)) }
            }
        }
    }
}

fn held(holdings: &Holdings) -> Markup {
    match holdings {
        Holdings::Orders { rows, total } => html! {
            section aria-labelledby="held" {
                h2 #held { "Logs of processes " span.total { (number(*total)) } }
                @if rows.is_empty() { p.empty { "It orders no process." } } @else { (table(rows)) }
                @if *total > rows.len() as u64 { p.quiet { "The newest that it still orders." } }
            }
        },
        Holdings::Delivers(waiting, names) => html! {
            section aria-labelledby="held" {
                h2 #held { "Waits to be delivered " span.total { (number(waiting.total)) } }
                @if waiting.pairs.is_empty() { p.empty { "Nothing waits in it." } }
                @else { (outbox::table(waiting, names)) }
            }
        },
        Holdings::Executes(users) => html! {
            section aria-labelledby="held" {
                h2 #held { "Processes that it may execute " span.total { (number(users.total as u64)) } }
                p.quiet { "Those whose policies name it. Which of them it executes now depends on which units are up." }
                (self::users(users, "No policy of a process that was looked through names it."))
            }
        },
    }
}

fn counters(status: &UnitStatus) -> Markup {
    html! {
        @if status.counters.is_empty() { p.empty { "This unit counts nothing." } }
        @else {
            table.counters {
                tbody { @for (name, value) in status.counters.iter().take(COUNTERS_MAX.1) {
                    tr { th scope="row" { (label(name)) } td.number { (number(*value)) } }
                } }
            }
        }
    }
}

/// The counters that say most: amounts of work that are not zero.
pub(super) fn counters_brief(status: &UnitStatus) -> Markup {
    let is_time = |name: &str| {
        name.ends_with("_micros") || name.ends_with("_millis") || name.contains("_le_micros:")
    };
    let telling = status.counters.iter().filter(|(name, value)| *value > 0 && !is_time(name));
    let telling = telling.take(COUNTERS_MAX.0);
    html! {
        ul.counts { @for (name, value) in telling { li { (label(name)) " " b { (number(*value)) } } } }
    }
}

fn label(name: &str) -> String {
    plain(&name.replace('_', " "), 60)
}

#[cfg(test)]
mod tests;
