//! One unit: its record, and all it counts.

use maud::{Markup, html};
use protocol::api::UnitStatus;

use super::{
    facts::UnitFacts,
    problem::note,
    show::{self, full, number, plain, time},
};

/// The most counters of a unit in a table, and on its own page.
const COUNTERS_MAX: (usize, usize) = (4, 200);

/// One unit.
pub(crate) fn page(facts: &UnitFacts) -> Markup {
    let record = &facts.record;
    html! {
        p.crumbs { a href="/" { "Network" } }
        h1 { "Unit: " (record.role) }
        p.lead { (full(record.unit)) }
        section {
            dl {
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
        section data-swap="counters" {
            h2 { "Counters" }
            @match &facts.status {
                Ok(status) => (counters(status)),
                Err(problem) => { p { (show::badge("bad", "not reachable")) } (note(problem)) }
            }
        }
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
    let is_time = |name: &str| name.ends_with("_micros") || name.ends_with("_millis");
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
