//! What waits to be delivered from process to process, and why.

use maud::{Markup, html};
use protocol::{
    ProcessId, UnitId,
    api::{WaitingPair, WaitingState},
};

use super::{
    facts::{Names, Problem, WaitingFacts},
    problem,
    show::{self, number, plain},
};

/// The most pairs shown of one process.
pub(crate) const OF_PROCESS_MAX: u32 = 20;

/// The page of all that waits.
pub(crate) fn page(facts: &WaitingFacts, names: &Names) -> Markup {
    html! {
        div data-swap="outbox" {
            h1 { "Outbox " span.total { (number(facts.total)) } }
            p.quiet { "Pairs of processes with items that are not in the target's log yet." }
            (missing(&facts.missing))
            @if facts.pairs.is_empty() { p.empty { "Nothing waits to be delivered." } }
            @else { (table(facts, names)) }
            @if facts.timers > 0 {
                p.quiet { "Timers and deadlines that are set: " (number(facts.timers)) }
            }
        }
    }
}

/// What one process has emitted and is not delivered: a section of its page, if there is anything to
/// say.
pub(super) fn section(facts: &Result<WaitingFacts, Problem>, names: &Names) -> Markup {
    html! {
        div data-swap="waiting" {
            @match facts {
                Ok(facts) if facts.pairs.is_empty() => {}
                Ok(facts) => section aria-labelledby="waiting" {
                    h2 #waiting { "Waits to be delivered " span.total { (number(facts.total)) } }
                    (missing(&facts.missing))
                    (table(facts, names))
                },
                Err(problem) => section aria-labelledby="waiting" {
                    h2 #waiting { "Waits to be delivered" }
                    (problem::note(problem))
                },
            }
        }
    }
}

fn missing(missing: &[(UnitId, Problem)]) -> Markup {
    html! {
        @for (unit, problem) in missing {
            p.problem role="note" {
                "What waits in messenger " (show::unit(unit)) " is not shown: "
                (plain(&problem.detail, 200))
            }
        }
    }
}

/// Pairs of processes as a table.
pub(super) fn table(facts: &WaitingFacts, names: &Names) -> Markup {
    let more = facts.total.saturating_sub(facts.pairs.len() as u64);
    html! {
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Number" }
                    th scope="col" { "Waiting" } th scope="col" { "Why" } th scope="col" { "Retry in" }
                    th scope="col" { "Messenger" }
                } }
                tbody { @for (unit, pair) in &facts.pairs { (row(unit, pair, names)) } }
            }
        }
        @if more > 0 { p.quiet { (number(more)) " more" } }
    }
}

fn row(unit: &UnitId, pair: &WaitingPair, names: &Names) -> Markup {
    html! {
        tr {
            td data-label="From" { (show::process(&pair.source, names)) }
            td data-label="To" { (show::process(&pair.target, names)) }
            td.number data-label="Number" { (number(pair.number.get())) }
            td.number data-label="Waiting" { (number(pair.count)) }
            @match pair.state {
                WaitingState::Moving => {
                    td data-label="Why" { (show::badge("wait", "on its way")) }
                    td data-label="Retry in" {}
                }
                WaitingState::Retrying { reason, retry_in } => {
                    td data-label="Why" { (show::badge("wait", reason.word())) }
                    td.number data-label="Retry in" {
                        @if retry_in == 0 { "now" } @else { (number(retry_in.div_ceil(1_000))) " s" }
                    }
                }
                WaitingState::Blocked(reason) => {
                    td data-label="Why" { (show::badge("bad", format_args!("blocked: {}", reason.word()))) }
                    td data-label="Retry in" { "never" }
                }
            }
            td data-label="Messenger" { (show::unit(unit)) }
        }
    }
}

/// The processes whose names it shows.
pub(crate) fn mentioned(facts: &WaitingFacts) -> impl Iterator<Item = ProcessId> + '_ {
    facts.pairs.iter().flat_map(|(_, pair)| [pair.source, pair.target])
}

#[cfg(test)]
mod tests;
