//! What a process waits for the time of.

use maud::{Markup, html};
use protocol::{ProcessId, Timer, TimerKind};

use super::{
    facts::{Problem, TimerFacts},
    problem,
    show::{badge, number, time},
};

/// The most timers and deadlines shown of one process.
pub(crate) const SHOWN: u32 = 50;

/// A section of the page of a process, if there is anything to say.
pub(super) fn section(process: &ProcessId, facts: &Result<TimerFacts, Problem>) -> Markup {
    html! {
        div data-swap="timers" {
            @match facts {
                Ok(facts) if facts.set.is_empty() => {}
                Ok(facts) => section aria-labelledby="timers" {
                    h2 #timers { "Timers and deadlines " span.total { (facts.set.len()) @if facts.more { "+" } } }
                    (table(process, &facts.set))
                    @if facts.more { p.quiet { "There are more, which were set later." } }
                },
                Err(problem) => section aria-labelledby="timers" {
                    h2 #timers { "Timers and deadlines" }
                    (problem::note(problem))
                },
            }
        }
    }
}

fn table(process: &ProcessId, timers: &[Timer]) -> Markup {
    html! {
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "Due (UTC)" } th scope="col" { "What" } th scope="col" { "Came before" }
                    th scope="col" { "Set in" }
                } }
                tbody { @for timer in timers { tr {
                    td data-label="Due" { (time(timer.due)) }
                    td data-label="What" { @match timer.kind {
                        TimerKind::Timer => (badge("kind", "timer")),
                        TimerKind::AskTimeout | TimerKind::NoTarget => (badge("kind", "deadline")),
                    } }
                    td.number data-label="Came before" { @if timer.kind == TimerKind::Timer {
                        (number(timer.occurrence)) " times"
                    } }
                    td data-label="Set in" {
                        a href={ "/process/" (process) "?upto=" (timer.slot) } { "slot " (timer.slot) }
                        ", effect " (timer.index)
                    }
                } } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
