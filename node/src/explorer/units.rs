//! All units, by role.

use maud::{Markup, html};
use protocol::Role;

use super::{facts::UnitFacts, home::units_table, show::number};

/// The roles in the order of a message's way.
const ROLES: [(Role, &str); 3] = [
    (Role::Scheduler, "Schedulers"),
    (Role::Messenger, "Messengers"),
    (Role::Compute, "Compute units"),
];

/// The list of units.
pub(crate) fn page(units: &[UnitFacts]) -> Markup {
    let down = units.iter().filter(|facts| facts.status.is_err()).count();
    html! {
        h1 { "Units" }
        p.lead data-swap="units-total" {
            (number(units.len() as u64)) " known"
            @if down > 0 { ", " (number(down as u64)) " not reachable" }
        }
        @if units.is_empty() {
            p.empty { "No unit is known. Start some with " code { "antiphon up" } "." }
        }
        @for (role, title) in ROLES {
            @let own: Vec<&UnitFacts> = units.iter().filter(|facts| facts.record.role == role).collect();
            @if !own.is_empty() {
                section aria-labelledby={ "role-" (role) } {
                    h2 id={ "role-" (role) } { (title) " " span.total { (own.len()) } }
                    (units_table(&own, role.word()))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
