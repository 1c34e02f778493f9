//! One module: its schema, its size, who uses it and who executes it.

use std::sync::Arc;

use maud::{Markup, html};
use protocol::{
    ModuleId, UnitId,
    schema::{MethodKind, Schema, Type},
};

use super::{
    facts::{Problem, ProcessRow},
    problem::note,
    process::{missing, table},
    show::{self, full, number, plain, size},
};
use crate::arguments::{signature, type_name};

/// The most methods and events that are listed.
const METHODS_MAX: usize = 100;

/// The most compute units that are listed.
const UNITS_MAX: usize = 64;

/// What a module is, which never changes.
#[derive(Debug, Clone)]
pub(crate) struct ModuleCard {
    pub(crate) bytes: u64,
    pub(crate) schema: Option<Arc<Schema>>,
}

/// A module.
#[derive(Debug, Clone)]
pub(crate) struct ModuleFacts {
    pub(crate) module: ModuleId,
    pub(crate) card: Result<ModuleCard, Problem>,
    pub(crate) users: Users,
    /// Compute units that policies of the processes shown name.
    pub(crate) units: Vec<UnitId>,
}

/// Processes that have something in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    pub(crate) rows: Vec<ProcessRow>,
    /// How many there are among those looked through.
    pub(crate) total: usize,
    /// How many were looked through, and how many there are.
    pub(crate) searched: (usize, u64),
    /// Schedulers that did not answer.
    pub(crate) missing: Vec<(UnitId, Problem)>,
}

/// One module.
pub(crate) fn page(facts: &ModuleFacts) -> Markup {
    let card = facts.card.as_ref();
    let schema = card.ok().and_then(|card| card.schema.as_deref());
    html! {
        p.crumbs { a href="/" { "Network" } }
        h1 {
            "Module"
            @if let Some(schema) = schema { ": " bdi { (plain(&schema.name, 80)) } }
        }
        p.lead { (full(facts.module)) }
        section {
            @match &facts.card {
                Ok(card) => dl {
                    dt { "Size" } dd { (size(card.bytes)) ", " (number(card.bytes)) " bytes" }
                    @if let Some(schema) = schema {
                        dt { "State version" } dd { (schema.state_version) }
                        dt { "ABI" } dd { (schema.abi) }
                    }
                },
                Err(problem) => { p { (show::badge("bad", "not found")) } (note(problem)) }
            }
        }
        @if let Some(schema) = schema { (interface(schema)) }
        @else if card.is_ok() { p.empty { "It says nothing of its methods." } }
        section aria-labelledby="used" {
            h2 #used { "Processes " span.total { (number(facts.users.total as u64)) } }
            p.quiet {
                "Those spawned with it. Schedulers do not know which process was upgraded to it, or away from it."
            }
            (users(&facts.users, "No process that was looked through was spawned with it."))
        }
        section aria-labelledby="units" {
            h2 #units { "Compute units " span.total { (facts.units.len()) } }
            p.quiet {
                "Named by the policies of the processes shown. A unit has the module from the time it first executes one."
            }
            @if facts.units.is_empty() { p.empty { "None is known." } }
            ul { @for unit in facts.units.iter().take(UNITS_MAX) { li { (show::unit(unit)) } } }
            @if facts.units.len() > UNITS_MAX { p.quiet { (facts.units.len() - UNITS_MAX) " more" } }
        }
    }
}

/// Processes, with what is not known about them.
pub(super) fn users(users: &Users, none: &str) -> Markup {
    let (searched, all) = users.searched;
    html! {
        (missing(&users.missing))
        @if users.rows.is_empty() { p.empty { (none) } } @else { (table(&users.rows)) }
        @if users.total > users.rows.len() {
            p.quiet { (number(users.total.saturating_sub(users.rows.len()) as u64)) " more" }
        }
        @if (searched as u64) < all {
            p.quiet {
                "Looked through the " (number(searched as u64)) " newest of " (number(all))
                " processes; what older ones are is not known here."
            }
        }
    }
}

fn interface(schema: &Schema) -> Markup {
    html! {
        section aria-labelledby="schema" {
            h2 #schema { "Schema" }
            @if !schema.docs.is_empty() { p.quiet { bdi { (plain(&schema.docs, 600)) } } }
            ul.methods {
                @for method in schema.methods.iter().take(METHODS_MAX) {
                    li {
                        (show::badge("kind", kind(method.kind))) " "
                        code {
                            (plain(&signature(method), 400))
                            @if method.returns != Type::Null { " → " (plain(&type_name(&method.returns), 80)) }
                        }
                        @if !method.docs.is_empty() { div.quiet { bdi { (plain(&method.docs, 400)) } } }
                    }
                }
            }
            (more(schema.methods.len()))
            @if !schema.events.is_empty() {
                h3 { "Events" }
                ul.methods { @for event in schema.events.iter().take(METHODS_MAX) {
                    li { code { (plain(&event.name, 80)) } }
                } }
                (more(schema.events.len()))
            }
        }
    }
}

fn more(count: usize) -> Markup {
    let more = count.saturating_sub(METHODS_MAX);
    html! { @if more > 0 { p.quiet { (more) " more" } } }
}

const fn kind(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Init => "init",
        MethodKind::View => "view",
        MethodKind::Message => "message",
    }
}

#[cfg(test)]
mod tests;
