//! Search: what a text can mean, and what to show when it means several things or nothing.

use std::collections::BTreeMap;

use maud::{Markup, html};
use protocol::{AccountId, EntryId, ModuleId, Principal, ProcessId, UnitId};

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
    /// A module, by its identifier.
    Module(ModuleId),
    /// An account, by its identifier.
    Account(AccountId),
}

impl Target {
    /// Reads an identifier in full.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        // A unit's address begins with its identifier.
        let id = query.split('@').next().unwrap_or(query);
        (query.parse().map(Self::Process))
            .or_else(|_| query.parse().map(Self::Message))
            .or_else(|_| id.parse().map(Self::Unit))
            .or_else(|_| query.parse().map(Self::Module))
            .or_else(|_| query.parse().map(Self::Account))
            .ok()
    }

    /// Where it is shown.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Process(process) => format!("/process/{process}"),
            Self::Message(entry) => format!("/message/{entry}"),
            Self::Unit(unit) => format!("/unit/{unit}"),
            Self::Module(module) => format!("/module/{module}"),
            Self::Account(account) => format!("/account/{account}"),
        }
    }
}

/// Everything that a text fits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) processes: Vec<ProcessRow>,
    pub(crate) units: Vec<UnitFacts>,
    /// Modules of processes, with their names as far as these are known.
    pub(crate) modules: BTreeMap<ModuleId, Option<String>>,
    /// Accounts that spawned processes or controlled them from the start.
    pub(crate) accounts: BTreeMap<AccountId, usize>,
}

impl Found {
    /// Picks what a text fits: a name in full, else the beginning of a name or identifier, a role, an
    /// address, or everything of an operator. Modules have names where `names` has them.
    pub(crate) fn pick(
        query: &str,
        processes: Vec<ProcessRow>,
        units: Vec<UnitFacts>,
        names: &BTreeMap<ModuleId, String>,
    ) -> Self {
        let (exact, rest): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|row| row.name == query);
        if !exact.is_empty() {
            return Self { processes: exact, ..Self::default() };
        }
        let begins = |text: &str| text.starts_with(query);
        let fits = |row: &ProcessRow| begins(&row.name) || begins(&row.process.to_string());
        let unit_fits = |facts: &UnitFacts| {
            let record = &facts.record;
            begins(&record.unit.to_string())
                || record.operator.to_string() == query
                || record.role.word() == query
                || record.addresses.iter().any(|address| address == query)
        };
        let (mut modules, mut accounts) = (BTreeMap::new(), BTreeMap::new());
        for row in &rest {
            let name = names.get(&row.module);
            if begins(&row.module.to_string()) || name.is_some_and(|name| begins(name)) {
                modules.insert(row.module, name.cloned());
            }
            let own = match (row.sender, row.controller) {
                (Principal::Account(one), Principal::Account(other)) if one == other => vec![one],
                (one, other) => [one, other].into_iter().filter_map(account).collect(),
            };
            for account in own.into_iter().filter(|account| begins(&account.to_string())) {
                *accounts.entry(account).or_default() += 1;
            }
        }
        Self {
            processes: rest.into_iter().filter(fits).collect(),
            units: units.into_iter().filter(unit_fits).collect(),
            modules,
            accounts,
        }
    }

    /// Where the one thing found is shown.
    pub(crate) fn only(&self) -> Option<String> {
        let processes = self.processes.iter().map(|row| Target::Process(row.process));
        let units = self.units.iter().map(|facts| Target::Unit(facts.record.unit));
        let modules = self.modules.keys().map(|module| Target::Module(*module));
        let accounts = self.accounts.keys().map(|account| Target::Account(*account));
        let mut all = processes.chain(units).chain(modules).chain(accounts);
        match (all.next(), all.next()) {
            (Some(only), None) => Some(only.path()),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.processes.is_empty()
            && self.units.is_empty()
            && self.modules.is_empty()
            && self.accounts.is_empty()
    }
}

const fn account(who: Principal) -> Option<AccountId> {
    match who {
        Principal::Account(account) => Some(account),
        Principal::Anonymous | Principal::Process(_) => None,
    }
}

/// What was found, if it is not exactly one thing.
pub(crate) fn page(query: &str, found: &Found, limit: usize) -> Markup {
    html! {
        h1 { "Search: " bdi { (plain(query, QUERY_MAX)) } }
        @if found.is_empty() {
            p { "Nothing fits." }
            p.quiet {
                "Search takes the name of a process or a module, a role of units, an identifier of any "
                "kind in full, or the beginning of the identifier of a process, a unit, a module or an "
                "account. A message is found by its full identifier. Identifiers carry a checksum: one "
                "mistyped letter and they name nothing."
            }
        }
        @if !found.processes.is_empty() {
            section {
                h2 { "Processes " span.total { (found.processes.len()) } }
                (table(found.processes.get(..limit).unwrap_or(&found.processes)))
                (more(found.processes.len(), limit))
            }
        }
        @if !found.units.is_empty() {
            section {
                h2 { "Units " span.total { (found.units.len()) } }
                ul { @for unit in found.units.iter().take(limit) { li { (unit.record.role) " " (show::unit(&unit.record.unit)) } } }
                (more(found.units.len(), limit))
            }
        }
        @if !found.modules.is_empty() {
            section {
                h2 { "Modules " span.total { (found.modules.len()) } }
                ul { @for (module, name) in found.modules.iter().take(limit) { li {
                    @if let Some(name) = name { bdi { (plain(name, 80)) } " " }
                    (show::module(module))
                } } }
                (more(found.modules.len(), limit))
            }
        }
        @if !found.accounts.is_empty() {
            section {
                h2 { "Accounts " span.total { (found.accounts.len()) } }
                ul { @for (account, processes) in found.accounts.iter().take(limit) { li {
                    (show::account(account)) " " span.quiet { "processes: " (processes) }
                } } }
                (more(found.accounts.len(), limit))
            }
        }
    }
}

fn more(found: usize, limit: usize) -> Markup {
    let more = found.saturating_sub(limit);
    html! { @if more > 0 { p.quiet { (more) " more" } } }
}

#[cfg(test)]
mod tests;
