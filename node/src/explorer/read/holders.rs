//! What modules, accounts and units have to do with processes: found in the lists that schedulers
//! have, and at the ends of logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use protocol::{AccountId, ComputePolicy, ModuleId, Principal, ProcessId, Role, Slot, UnitId};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{NAMES_MAX, NAMES_WAIT, RECENT_WAIT, Reader, STATUS_WAIT, late};
use crate::explorer::{
    account::AccountFacts,
    facts::{Problem, ProcessList, ProcessRow, UnitFacts},
    module::{ModuleCard, ModuleFacts, Users},
    pace::Pace,
    unit::Holdings,
};

/// Processes looked through, newest first.
pub(crate) const SEARCHED: u32 = 5_000;

/// Processes listed of a module, an account or a unit.
const LISTED: usize = 50;

/// Modules whose size and schema are remembered.
const CARDS_MAX: usize = 256;

/// Modules whose names a search looks up, and for how long it waits for one.
const SEARCHED_MODULES: usize = 16;

/// Logs that are looked at for what an account sent, how many slots at the end of each, and how much
/// of what is found is shown.
const LOGS: usize = 16;
const SLOTS: u32 = 16;
const SENT: usize = 50;

/// Pairs of processes asked for.
const PAIRS: u32 = 100;

impl Reader {
    /// A module, as far as anything is known of it.
    pub(crate) async fn module(&self, module: ModuleId) -> Result<ModuleFacts, Problem> {
        let (card, list) = tokio::join!(self.card(module), self.processes(0, SEARCHED));
        let users = pick(list, |row| row.module == module);
        if let (Err(problem), true) = (&card, users.rows.is_empty()) {
            return Err(problem.clone());
        }
        let policies = self.policies(users.rows.iter().map(|row| row.process)).await;
        let units: BTreeSet<UnitId> =
            policies.into_values().flat_map(|policy| policy.units).collect();
        Ok(ModuleFacts { module, card, users, units: units.into_iter().collect() })
    }

    /// An account, as far as anything is known of it.
    pub(crate) async fn account(&self, account: AccountId) -> AccountFacts {
        let who = Principal::Account(account);
        let list = self.processes(0, SEARCHED).await;
        let (mut sent, looked, problem) = self.sent(&list.rows, who).await;
        sent.sort_by_key(|row| std::cmp::Reverse((row.assignment.time, row.assignment.slot)));
        sent.truncate(SENT);
        let processes = pick(list, |row| row.controller == who || row.sender == who);
        AccountFacts { account, processes, sent, looked: (looked, SLOTS), problem }
    }

    /// What an account has in the ends of the logs that were written last; how many were read, and
    /// why others could not be.
    async fn sent(
        &self,
        processes: &[ProcessRow],
        who: Principal,
    ) -> (Vec<crate::explorer::facts::SlotFacts>, usize, Option<Problem>) {
        let mut active: Vec<&ProcessRow> = processes.iter().collect();
        active.sort_by_key(|row| std::cmp::Reverse(row.time));
        let mut asked = JoinSet::new();
        for row in active.into_iter().take(LOGS) {
            let (reader, process) = (self.clone(), row.process);
            let from = Slot::new(row.next.get().saturating_sub(SLOTS.into()));
            asked.spawn(async move { reader.log_from(process, from, SLOTS).await });
        }
        let until = Instant::now() + RECENT_WAIT;
        let (mut sent, mut looked, mut problem) = (Vec::new(), 0, None);
        loop {
            match timeout_at(until, asked.join_next()).await {
                Ok(None) => break,
                Ok(Some(Ok(Ok(log)))) => {
                    looked += 1;
                    sent.extend(log.rows.into_iter().filter(|row| row.call.from == who));
                }
                Ok(Some(Ok(Err(error)))) => problem = Some(error),
                Ok(Some(Err(_))) => {}
                Err(_) => {
                    problem = Some(late());
                    break;
                }
            }
        }
        (sent, looked, problem)
    }

    /// What a unit has of the network.
    pub(crate) async fn holdings(&self, facts: &UnitFacts) -> Result<Holdings, Problem> {
        facts.status.as_ref().map_err(Problem::clone)?;
        let unit = facts.record.unit;
        match facts.record.role {
            Role::Scheduler => {
                let listed = timeout(STATUS_WAIT, self.newest(unit, 0, LISTED as u64)).await;
                let (total, mut rows) = listed.map_err(|_| late())??;
                rows.retain(|row| !row.moved);
                Ok(Holdings::Orders { rows, total })
            }
            Role::Messenger => {
                let mut waiting = self.waiting(None, PAIRS).await?;
                waiting.pairs.retain(|(teller, _)| *teller == unit);
                waiting.missing.clear();
                waiting.total = waiting.pairs.len() as u64;
                let names = self.names(crate::explorer::outbox::mentioned(&waiting)).await;
                Ok(Holdings::Delivers(Box::new(waiting), names))
            }
            Role::Compute => {
                let newest = u32::try_from(NAMES_MAX).unwrap_or(u32::MAX);
                let list = self.processes(0, newest).await;
                let policies = self.policies(list.rows.iter().map(|row| row.process)).await;
                let names = |row: &ProcessRow| {
                    policies.get(&row.process).is_some_and(|policy| policy.units.contains(&unit))
                };
                let searched = list.rows.len();
                let mut users = pick(list, names);
                users.searched.0 = searched;
                Ok(Holdings::Executes(users))
            }
        }
    }

    /// How fast the network works, by what units answered now and before.
    pub(crate) fn pace(&self, units: &[UnitFacts]) -> Pace {
        // Every step under the lock leaves it whole.
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.read(Instant::now(), units)
    }

    /// The names that modules give themselves, as far as they are found soon.
    pub(crate) async fn module_names(&self, rows: &[ProcessRow]) -> BTreeMap<ModuleId, String> {
        let mut asked = JoinSet::new();
        let mut seen = BTreeSet::new();
        for row in rows {
            if seen.len() == SEARCHED_MODULES {
                break;
            }
            if seen.insert(row.module) {
                let (reader, module) = (self.clone(), row.module);
                asked.spawn(async move { (module, reader.card(module).await) });
            }
        }
        let until = Instant::now() + NAMES_WAIT;
        let mut names = BTreeMap::new();
        while let Ok(Some(found)) = timeout_at(until, asked.join_next()).await {
            if let Ok((module, Ok(ModuleCard { schema: Some(schema), .. }))) = found {
                names.insert(module, schema.name.clone());
            }
        }
        names
    }

    /// Size and schema of a module.
    async fn card(&self, module: ModuleId) -> Result<ModuleCard, Problem> {
        let known = || self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(card) = known().get(&module) {
            return Ok(card.clone());
        }
        // A module is large: few are in memory at once.
        let _turn = self.modules.acquire().await.map_err(|_| late())?;
        if let Some(card) = known().get(&module) {
            return Ok(card.clone());
        }
        let wasm = self.client.module(module).await?;
        let schema = antiphon_client::Client::schema_of(&wasm).map(std::sync::Arc::new);
        let card = ModuleCard { bytes: wasm.len() as u64, schema };
        let mut cards = known();
        if cards.len() >= CARDS_MAX {
            cards.pop_first();
        }
        cards.insert(module, card.clone());
        Ok(card)
    }

    /// The policies in force of processes, as far as they are found soon.
    async fn policies(
        &self,
        processes: impl Iterator<Item = ProcessId>,
    ) -> BTreeMap<ProcessId, ComputePolicy> {
        let mut asked = JoinSet::new();
        for process in processes.take(NAMES_MAX) {
            let client = self.client.clone();
            asked.spawn(async move {
                let described = timeout(NAMES_WAIT, client.describe(process)).await.ok()?.ok()?;
                Some((process, described.source.policy().clone()))
            });
        }
        asked.join_all().await.into_iter().flatten().collect()
    }
}

/// Those of a list that fit.
fn pick(list: ProcessList, fits: impl Fn(&ProcessRow) -> bool) -> Users {
    let ProcessList { rows, total, missing, .. } = list;
    let searched = usize::try_from(total.min(SEARCHED.into())).unwrap_or(usize::MAX);
    let mut rows: Vec<ProcessRow> = rows.into_iter().filter(fits).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.time));
    let found = rows.len();
    rows.truncate(LISTED);
    Users { rows, total: found, searched: (searched, total), missing }
}
