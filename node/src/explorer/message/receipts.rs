//! What compute units state of a message's slot, whether it agrees, and whether enough of them do.

use maud::{Markup, html};
use protocol::{Assignment, Hash, api::Executed};

use crate::{
    explorer::{
        facts::{MessageFacts, ReceiptFacts},
        problem::note,
        show::{self, badge, count, number, plain},
    },
    trace::{Agreed, Execution},
};

/// The receipts of a slot and what they say together.
pub(super) fn receipts(facts: &MessageFacts, receipts: &[ReceiptFacts]) -> Markup {
    let assignment = &facts.record.assignment;
    let policy = facts.described.source.policy();
    let execution = Execution::of(assignment, answers(facts, receipts), policy.quorum.into());
    let agreed = execution.agreed();
    html! {
        @match agreed {
            Some(agreed) => (together(agreed, policy.units.len())),
            None if facts.progress.executed().is_some() => p {
                (badge("bad", "another log")) " The unit executed a log with another chain hash."
            },
            None => p.empty { "No receipt yet." },
        }
        @let stated = agreed.map(|agreed| agreed.outcome.digest());
        ul.receipts {
            @for ReceiptFacts { unit, answer } in receipts {
                li {
                    (show::unit(unit)) " "
                    @match answer {
                        Ok(Some(executed)) => {
                            (word(executed, assignment, stated))
                            (details(executed))
                        }
                        Ok(None) => span.quiet { "has not executed the slot" },
                        Err(problem) => { span.quiet { "tells nothing that holds" } (note(problem)) },
                    }
                }
            }
        }
        @if receipts.is_empty() && let Some(executed) = facts.progress.executed() {
            p { (show::unit(&executed.receipt.unit())) " " (word(executed, assignment, stated)) }
            (details(executed))
        }
    }
}

/// All that units state, with what was told first if its unit has not repeated it.
fn answers(facts: &MessageFacts, receipts: &[ReceiptFacts]) -> Vec<Executed> {
    let told = receipts.iter().filter_map(|one| one.answer.as_ref().ok()?.as_ref());
    told.chain(facts.progress.executed()).cloned().collect()
}

fn together(agreed: &Agreed, units: usize) -> Markup {
    let (stated, wanted) = (agreed.units.len(), agreed.quorum);
    let reached = u32::try_from(stated).is_ok_and(|stated| stated >= wanted);
    html! {
        @if !agreed.against.is_empty() {
            p { (badge("bad", "units disagree")) " " (count(agreed.against.len(), "unit"))
                " signed another outcome of the same log: one at least is at fault. "
                code { "antiphon verify" } " says which." }
        }
        p {
            @if reached { (badge("ok", "verified")) } @else { (badge("wait", "not enough yet")) }
            " " (count(stated, "unit")) " signed this outcome; the policy wants " (wanted) " of "
            (units) @if reached { ": reached." } @else { ": not reached." }
            " Of each, the signature, the path to the signed root and the digest of the outcome were \
             checked by this gateway."
        }
    }
}

/// How what a unit states compares with what most state.
fn word(executed: &Executed, assignment: &Assignment, stated: Option<Hash>) -> Markup {
    let leaf = &executed.receipt.leaf;
    html! {
        @if leaf.chain != assignment.chain { (badge("bad", "executed another log")) }
        @else if Some(leaf.outcome) == stated { span.good { "signature holds, agrees" } }
        @else { (badge("bad", "signature holds, states another outcome")) }
    }
}

fn details(executed: &Executed) -> Markup {
    let (receipt, batch) = (&executed.receipt, executed.receipt.batch.unverified());
    html! {
        details {
            summary { "Receipt" }
            dl {
                dt { "Outcome" } dd { code.hash { (receipt.leaf.outcome) } }
                dt { "Chain hash" } dd { code.hash { (receipt.leaf.chain) } }
                dt { "Receipt root" }
                dd { code.hash { (batch.root) } " over " (number(batch.count.into())) }
                dt { "Gas" } dd { (number(receipt.leaf.gas.get())) }
                dt { "Engine" } dd { (plain(&batch.engine, 60)) }
                dt { "Profile" } dd { (show::brief(receipt.leaf.profile)) }
                @if let Some(root) = &receipt.leaf.state_root {
                    dt { "State" } dd { code.hash { (root) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
