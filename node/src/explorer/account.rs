//! One account: the processes it controls or spawned, and what it sent of late, as far as that is
//! known. Nobody keeps a list by account: what is shown was found at the ends of logs.

use maud::{Markup, html};
use protocol::AccountId;

use super::{
    facts::{Names, Problem, SlotFacts},
    log::outcome_cell,
    module::{Users, users},
    show::{self, full, number, plain, time},
};

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct AccountFacts {
    pub(crate) account: AccountId,
    /// Processes that it spawned, or that were given to it when they were spawned.
    pub(crate) processes: Users,
    /// What it sent, newest first.
    pub(crate) sent: Vec<SlotFacts>,
    /// How many logs were looked at, and how many slots at the end of each.
    pub(crate) looked: (usize, u32),
    /// What kept the rest from being looked at.
    pub(crate) problem: Option<Problem>,
}

/// One account.
pub(crate) fn page(facts: &AccountFacts, names: &Names) -> Markup {
    let (logs, slots) = facts.looked;
    html! {
        p.crumbs { a href="/" { "Network" } }
        h1 { "Account" }
        p.lead { (full(facts.account)) }
        section aria-labelledby="processes" {
            h2 #processes { "Processes " span.total { (number(facts.processes.total as u64)) } }
            p.quiet {
                "Those it spawned, and those it controlled from the start. Whether a process has another "
                "controller by now stands on the page of the process."
            }
            (users(&facts.processes, "No process that was looked through is its own."))
        }
        section aria-labelledby="sent" data-swap="sent" {
            h2 #sent { "Last messages" }
            p.quiet {
                "Found in the last " (slots) " slots of " (show::count(logs, "log"))
                " that were written last. What it sent before, or elsewhere, is not known here."
            }
            @if let Some(problem) = &facts.problem {
                p.quiet { "Some logs could not be read: " bdi { (plain(&problem.detail, 160)) } }
            }
            @if facts.sent.is_empty() { p.empty { "None was found." } }
            @else { (sent(&facts.sent, names)) }
        }
    }
}

fn sent(rows: &[SlotFacts], names: &Names) -> Markup {
    html! {
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "Time (UTC)" } th scope="col" { "Process" }
                    th scope="col" { "Slot" } th scope="col" { "Call" } th scope="col" { "Outcome" }
                } }
                tbody { @for row in rows { (sent_row(row, names)) } }
            }
        }
    }
}

fn sent_row(row: &SlotFacts, names: &Names) -> Markup {
    let assignment = &row.assignment;
    let call = row.call.method.as_deref();
    let call = call.map_or_else(|| row.call.kind.to_owned(), |method| plain(method, 40));
    html! {
        tr {
            td.line data-label="Time" { (time(assignment.time)) }
            td data-label="Process" { (show::process(&assignment.process, names)) }
            td.number data-label="Slot" { (show::message(&assignment.entry, assignment.slot)) }
            td data-label="Call" { code.call { (call) } }
            td data-label="Outcome" { (outcome_cell(&row.progress)) }
        }
    }
}

#[cfg(test)]
mod tests;
