//! How far the results of a process are proven: which units of its policy have signed what came of
//! its last slots, and whether they say the same.
//!
//! What only a replay can tell is not told here, but how to have it told.

use std::collections::BTreeMap;

use maud::{Markup, html};
use protocol::{Fault, Hash, NetworkId, ProcessId, Receipt, Slot, UnitId};

use super::{
    facts::Problem,
    problem,
    show::{self, badge, number, plain},
};

/// Slots looked at, the last of the log.
pub(crate) const SLOTS: u64 = 8;

/// Units of a policy that are asked, those that execute first; or as many as must agree.
pub(crate) const UNITS_MAX: usize = 16;

/// What is signed of the last slots of a process.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// How many units must agree.
    pub(crate) quorum: usize,
    /// The units of the policy.
    pub(crate) units: usize,
    /// The newest first.
    pub(crate) slots: Vec<Standing>,
    /// Units that did not answer.
    pub(crate) missing: Vec<(UnitId, Problem)>,
}

/// How a slot stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) slot: Slot,
    /// The units that most agree with.
    pub(crate) agreeing: Vec<UnitId>,
    /// Those that have signed something else.
    pub(crate) others: Vec<UnitId>,
    /// Whether two receipts prove that a unit is at fault. If they only differ, they may be of
    /// different logs.
    pub(crate) fault: bool,
}

impl Standing {
    /// How a slot stands by the receipts of it, at most one of each unit.
    fn of(slot: Slot, receipts: &BTreeMap<UnitId, Receipt>, network: NetworkId) -> Self {
        let mut said: BTreeMap<Hash, Vec<UnitId>> = BTreeMap::new();
        for (unit, receipt) in receipts {
            said.entry(receipt.leaf.digest()).or_default().push(*unit);
        }
        let mut said: Vec<_> = said.into_values().collect();
        said.sort_by_key(|units| std::cmp::Reverse(units.len()));
        let mut said = said.into_iter();
        let agreeing = said.next().unwrap_or_default();
        let others: Vec<UnitId> = said.flatten().collect();
        let contradicts = |one: &Receipt, other: &Receipt| {
            let both = Fault::Receipts(Box::new(one.clone()), Box::new(other.clone()));
            one.leaf != other.leaf && both.culprits(network).is_ok()
        };
        let fault = receipts.values().enumerate().any(|(place, one)| {
            receipts.values().skip(place + 1).any(|other| contradicts(one, other))
        });
        Self { slot, agreeing, others, fault }
    }
}

/// How the slots from the newest down stand, by all receipts that units gave.
pub(crate) fn compare(
    newest: Slot,
    oldest: Slot,
    receipts: impl IntoIterator<Item = Receipt>,
    network: NetworkId,
) -> Vec<Standing> {
    let mut of: BTreeMap<Slot, BTreeMap<UnitId, Receipt>> = BTreeMap::new();
    for receipt in receipts {
        of.entry(receipt.leaf.slot).or_default().insert(receipt.unit(), receipt);
    }
    let slots = (oldest.get()..=newest.get()).rev().map(Slot::new);
    slots
        .map(|slot| Standing::of(slot, of.get(&slot).unwrap_or(&BTreeMap::new()), network))
        .collect()
}

/// The section of a process's page.
pub(super) fn section(process: &ProcessId, proven: &Result<Proven, Problem>) -> Markup {
    let command = format!("antiphon verify {process}");
    html! {
        section aria-labelledby="proven" {
            h2 #proven { "Verification" }
            @match proven {
                Ok(proven) => {
                    div data-swap="proven" { (summary(proven)) }
                    details {
                        summary { "The last slots" }
                        div data-swap="proven-slots" { (table(proven)) }
                    }
                },
                Err(problem) => (problem::note(problem)),
            }
            p.command {
                code { (command) } button.copy type="button" data-copy=(command) hidden { "copy" }
            }
            p.quiet { "It replays the log on your own machine and compares it with everything that units signed." }
        }
    }
}

fn summary(proven: &Proven) -> Markup {
    let Proven { quorum, units, slots, missing, .. } = proven;
    let faulty = slots.iter().find(|slot| slot.fault);
    let reached = slots.iter().find(|slot| slot.agreeing.len() >= *quorum).map(|slot| slot.slot);
    html! {
        p {
            @if let Some(faulty) = faulty {
                (badge("bad", "fault")) " Units have signed contradictory results of slot "
                (number(faulty.slot.get())) ". Verify the process before you rely on it."
            } @else if let Some(slot) = reached {
                (badge("ok", "quorum")) " Up to slot " (number(slot.get())) ", "
                (number(*quorum as u64)) " of " (number(*units as u64))
                " compute units have signed the same results, as the policy asks."
            } @else {
                (badge("wait", "not yet")) " Of the last slots none is signed by "
                (number(*quorum as u64)) " of " (number(*units as u64)) " compute units yet."
            }
        }
        @if *units > UNITS_MAX.max(*quorum) {
            p.quiet { "Only the first " (UNITS_MAX.max(*quorum)) " of them are asked here." }
        }
        @for (unit, problem) in missing {
            p.quiet { "What unit " (show::unit(unit)) " has signed is not shown: " (plain(&problem.detail, 200)) }
        }
    }
}

fn table(proven: &Proven) -> Markup {
    html! {
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "Slot" } th scope="col" { "Results" } th scope="col" { "Signed by" }
                } }
                tbody { @for slot in &proven.slots { (row(slot, proven.quorum)) } }
            }
        }
    }
}

fn row(standing: &Standing, quorum: usize) -> Markup {
    let Standing { slot, agreeing, others, fault } = standing;
    html! {
        tr {
            td.number data-label="Slot" { (number(slot.get())) }
            td data-label="Results" {
                @if *fault { (badge("bad", "fault")) }
                @else if agreeing.len() >= quorum { (badge("ok", "quorum")) }
                @else if agreeing.is_empty() { (badge("kind", "not signed")) }
                @else { (badge("kind", format_args!("{} of {quorum}", agreeing.len()))) }
            }
            td data-label="Signed by" {
                @for unit in agreeing { (show::unit(unit)) " " }
                @if !others.is_empty() {
                    (badge("bad", "otherwise")) " "
                    @for unit in others { (show::unit(unit)) " " }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
