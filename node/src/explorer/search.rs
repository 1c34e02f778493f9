//! Search: what a text can mean, and what to show when it means several things or nothing.

use maud::{Markup, html};
use protocol::{EntryId, ProcessId, UnitId};

use super::{
    facts::{ProcessRow, UnitFacts},
    process::table,
    show::{self, plain},
};

/// The most characters looked for.
pub(crate) const QUERY_MAX: usize = 128;

/// What a text names without anything having to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A process, by its identifier.
    Process(ProcessId),
    /// A message, by its identifier.
    Message(EntryId),
    /// A unit, by its identifier.
    Unit(UnitId),
}

impl Target {
    /// Reads an identifier in full.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        // A unit's address begins with its identifier.
        let id = query.split('@').next().unwrap_or(query);
        (query.parse().map(Self::Process))
            .or_else(|_| query.parse().map(Self::Message))
            .or_else(|_| id.parse().map(Self::Unit))
            .ok()
    }

    /// Where it is shown.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Process(process) => format!("/process/{process}"),
            Self::Message(entry) => format!("/message/{entry}"),
            Self::Unit(unit) => format!("/unit/{unit}"),
        }
    }
}

/// Processes and units that a text fits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) processes: Vec<ProcessRow>,
    pub(crate) units: Vec<UnitFacts>,
}

impl Found {
    /// Picks what a text fits: a name in full, else the beginning of a name or identifier, else
    /// everything of a module, controller or operator.
    pub(crate) fn pick(query: &str, processes: Vec<ProcessRow>, units: Vec<UnitFacts>) -> Self {
        let (exact, rest): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|row| row.name == query);
        if !exact.is_empty() {
            return Self { processes: exact, units: Vec::new() };
        }
        let fits = |row: &ProcessRow| {
            row.name.starts_with(query)
                || row.process.to_string().starts_with(query)
                || row.module.to_string() == query
                || row.controller.to_string() == query
        };
        let unit_fits = |facts: &UnitFacts| {
            facts.record.unit.to_string().starts_with(query)
                || facts.record.operator.to_string() == query
                || facts.record.addresses.iter().any(|address| address == query)
        };
        Self {
            processes: rest.into_iter().filter(fits).collect(),
            units: units.into_iter().filter(unit_fits).collect(),
        }
    }

    /// Where the one thing found is shown.
    pub(crate) fn only(&self) -> Option<String> {
        match (self.processes.as_slice(), self.units.as_slice()) {
            ([process], []) => Some(Target::Process(process.process).path()),
            ([], [unit]) => Some(Target::Unit(unit.record.unit).path()),
            _ => None,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.units.is_empty()
    }
}

/// What was found, if it is not exactly one thing.
pub(crate) fn page(query: &str, found: &Found, limit: usize) -> Markup {
    html! {
        h1 { "Search: " bdi { (plain(query, QUERY_MAX)) } }
        @if found.is_empty() {
            p { "Nothing fits." }
            p.quiet {
                "Search takes the name of a process, an identifier of any kind in full, or the "
                "beginning of the identifier of a process or a unit. A message is found by its full "
                "identifier. Identifiers carry a checksum: one mistyped letter and they name nothing."
            }
        }
        @if !found.processes.is_empty() {
            section {
                h2 { "Processes " span.total { (found.processes.len()) } }
                (table(found.processes.get(..limit).unwrap_or(&found.processes)))
                @if found.processes.len() > limit { p.quiet { (found.processes.len() - limit) " more" } }
            }
        }
        @if !found.units.is_empty() {
            section {
                h2 { "Units " span.total { (found.units.len()) } }
                ul { @for unit in &found.units { li { (unit.record.role) " " (show::unit(&unit.record.unit)) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
