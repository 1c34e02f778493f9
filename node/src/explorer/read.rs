//! Reads facts from the network. Everything it asks for is bounded, and a unit that is down costs
//! a short wait and a gap, never a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use antiphon_client::{Client, ClientError};
use protocol::{
    EntryId, ModuleId, NetworkId, ProcessId, Role, Slot, Spawn, UnitId,
    api::{LogRecord, ProcessEntry},
    codec,
};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{
    facts::{
        Call, Cause, LogFacts, Names, Problem, ProcessFacts, ProcessList, ProcessRow, Progress,
        SlotFacts, TimerFacts, UnitFacts, WaitingFacts,
    },
    module::ModuleCard,
    pace::Paces,
};

mod holders;
mod latency;
mod message;
mod page;
mod proven;
mod state;

/// How long a unit may take to say how it is.
const STATUS_WAIT: Duration = Duration::from_millis(800);

/// How long recent activity may take to be gathered.
const RECENT_WAIT: Duration = Duration::from_millis(1_500);

/// How long names may take; without them identifiers are shown.
const NAMES_WAIT: Duration = Duration::from_millis(800);

/// Names looked up for one page.
const NAMES_MAX: usize = 128;

/// Processes whose last slots make up the recent activity, and how many slots of each.
const RECENT: (usize, u32) = (8, 3);

/// Modules that are fetched at once.
const MODULES_MAX: usize = 4;

pub(crate) use holders::SEARCHED;

/// Reads facts through a client.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    client: Client,
    paces: Arc<Mutex<Paces>>,
    cards: Arc<Mutex<BTreeMap<ModuleId, ModuleCard>>>,
    modules: Arc<Semaphore>,
}

impl Reader {
    pub(crate) fn new(client: Client) -> Self {
        let modules = Arc::new(Semaphore::new(MODULES_MAX));
        Self { client, paces: Arc::default(), cards: Arc::default(), modules }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn network(&self) -> NetworkId {
        self.client.network()
    }

    /// All units known, sorted by role.
    pub(crate) async fn units(&self) -> Vec<UnitFacts> {
        let mut asked = JoinSet::new();
        for record in self.client.directory().records() {
            let (client, record) = (self.client.clone(), record.unverified().clone());
            asked.spawn(async move {
                let status = client.status_of(record.unit, STATUS_WAIT).await;
                UnitFacts { record, status: status.map_err(Problem::from) }
            });
        }
        let mut units = asked.join_all().await;
        units.sort_by_key(|unit| (unit.record.role, unit.record.unit));
        units
    }

    /// One unit.
    pub(crate) async fn unit(&self, unit: UnitId) -> Result<UnitFacts, Problem> {
        let record = self.client.directory().record(&unit);
        let record =
            record.ok_or_else(|| Problem::missing("No unit of this identifier is known."))?;
        let status = self.client.status_of(unit, STATUS_WAIT).await.map_err(Problem::from);
        Ok(UnitFacts { record: record.unverified().clone(), status })
    }

    /// Processes, those of one scheduler after those of another, newest first for each.
    pub(crate) async fn processes(&self, offset: u64, limit: u32) -> ProcessList {
        let mut list = ProcessList { offset, ..ProcessList::default() };
        for scheduler in self.client.directory().units(Role::Scheduler) {
            let known = list.total;
            let room = u64::from(limit).saturating_sub(list.rows.len() as u64);
            let skip = offset.saturating_sub(known);
            match timeout(STATUS_WAIT, self.newest(scheduler, skip, room)).await {
                Ok(Ok((total, rows))) => {
                    list.total += total;
                    list.rows.extend(rows);
                }
                Ok(Err(error)) => list.missing.push((scheduler, error.into())),
                Err(_) => list.missing.push((scheduler, late())),
            }
        }
        // Its present scheduler lists it, unless it does not answer.
        let missing: Vec<UnitId> = list.missing.iter().map(|(unit, _)| *unit).collect();
        list.rows.retain(|row| !row.moved || missing.contains(&row.scheduler));
        list
    }

    /// How many processes a scheduler has, and some of them, newest first.
    async fn newest(
        &self,
        scheduler: UnitId,
        skip: u64,
        limit: u64,
    ) -> Result<(u64, Vec<ProcessRow>), ClientError> {
        let total = self.client.process_page(scheduler, 0, 1).await?.total;
        let end = total.saturating_sub(skip);
        let count = limit.min(end);
        if count == 0 {
            return Ok((total, Vec::new()));
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let first = end.saturating_sub(count.into());
        let mut processes: Vec<ProcessEntry> = Vec::new();
        while let Some(left) = count.checked_sub(u32::try_from(processes.len()).unwrap_or(count))
            && left > 0
        {
            let offset = first.saturating_add(processes.len() as u64);
            let page = self.client.process_page(scheduler, offset, left).await?;
            if page.processes.is_empty() {
                break;
            }
            processes.extend(page.processes);
        }
        let rows = processes.iter().rev().filter_map(|entry| row(scheduler, entry));
        Ok((total, rows.collect()))
    }

    /// A process.
    pub(crate) async fn process(&self, process: ProcessId) -> Result<ProcessFacts, Problem> {
        let described = self.client.describe(process).await?;
        let described = match timeout(STATUS_WAIT, self.client.head(process)).await {
            // It finds out who orders the process now.
            Ok(Ok(_)) => self.client.describe(process).await?,
            _ => described,
        };
        let (schema, module) = tokio::join!(
            self.client.schema(process),
            timeout(STATUS_WAIT, self.client.module_of(process)),
        );
        let module = module.ok().and_then(Result::ok);
        Ok(ProcessFacts { process, described, module, schema: schema.map_err(Problem::from) })
    }

    /// A log from a slot on, oldest first.
    pub(crate) async fn log_from(
        &self,
        process: ProcessId,
        from: Slot,
        limit: u32,
    ) -> Result<LogFacts, Problem> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        // What each of them tells is checked, which takes most of the time: on a core of its own.
        let reader = self.clone();
        let outcomes = async move { reader.outcomes(process, from, wanted).await };
        let outcomes = AbortOnDropHandle::new(tokio::spawn(outcomes));
        let (records, next) = self.records(process, from, wanted).await?;
        let outcomes = outcomes
            .await
            .unwrap_or_else(|error| Err(ClientError::System(error.to_string()).into()));
        let (rows, problem) = rows(&records, outcomes);
        Ok(LogFacts { rows, next, problem })
    }

    /// Makes sure that one of these units is there, in less time than a request to one that is
    /// down would take.
    async fn any_answers(&self, units: impl IntoIterator<Item = UnitId>) -> Result<(), Problem> {
        let mut asked = JoinSet::new();
        for unit in units {
            let client = self.client.clone();
            asked.spawn(async move { client.status_of(unit, STATUS_WAIT).await });
        }
        let mut worst = ClientError::Unreachable { detail: "there is no unit to ask".to_owned() };
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => worst = error,
                Err(error) => worst = ClientError::System(error.to_string()),
            }
        }
        Err(worst.into())
    }

    async fn records(
        &self,
        process: ProcessId,
        from: Slot,
        wanted: usize,
    ) -> Result<(Vec<LogRecord>, Slot), Problem> {
        self.any_answers(self.client.describe(process).await?.source.schedulers()).await?;
        let mut reader = self.client.log(process, from);
        let mut records = Vec::new();
        let mut next = from;
        while records.len() < wanted {
            let left = u32::try_from(wanted - records.len()).unwrap_or(u32::MAX);
            let page = reader.page(left).await?;
            next = page.next;
            if page.records.is_empty() {
                break;
            }
            records.extend(page.records);
        }
        records.truncate(wanted);
        Ok((records, next))
    }

    async fn outcomes(
        &self,
        process: ProcessId,
        from: Slot,
        wanted: usize,
    ) -> Result<BTreeMap<Slot, Progress>, Problem> {
        let policy = &self.client.describe(process).await?.source.policy().clone();
        let executing = policy.ranked(&process).into_iter().take(policy.quorum.into());
        self.any_answers(executing).await?;
        let mut outcomes = BTreeMap::new();
        let mut next = from;
        while outcomes.len() < wanted {
            let left = u32::try_from(wanted - outcomes.len()).unwrap_or(u32::MAX);
            let page = self.client.outcomes(process, next, left).await?;
            let Some(last) = page.executed.last() else { break };
            next = last.outcome.slot.next().unwrap_or(next);
            for executed in page.executed {
                outcomes.insert(executed.outcome.slot, Progress::Executed(Box::new(executed)));
            }
        }
        Ok(outcomes)
    }

    /// The last slots of the processes that were active last, newest first.
    pub(crate) async fn recent(&self, processes: &[ProcessRow]) -> Vec<SlotFacts> {
        let (most, slots) = RECENT;
        let mut active: Vec<&ProcessRow> = processes.iter().collect();
        active.sort_by_key(|row| std::cmp::Reverse(row.time));
        let mut asked = JoinSet::new();
        for row in active.into_iter().take(most) {
            let (reader, process) = (self.clone(), row.process);
            let from = Slot::new(row.next.get().saturating_sub(slots.into()));
            asked.spawn(async move { reader.log_from(process, from, slots).await });
        }
        let logs = timeout(RECENT_WAIT, asked.join_all()).await.unwrap_or_default();
        let mut rows: Vec<SlotFacts> =
            logs.into_iter().flatten().flat_map(|log| log.rows).collect();
        rows.retain(|row| row.progress.executed().is_some());
        let place = |row: &SlotFacts| (row.assignment.time, row.assignment.slot);
        rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
        rows
    }

    /// An entry of a log.
    pub(crate) async fn record(
        &self,
        process: ProcessId,
        slot: Slot,
    ) -> Result<LogRecord, Problem> {
        let (records, _) = self.records(process, slot, 1).await?;
        records.into_iter().next().ok_or_else(|| Problem::missing("The log has no such slot yet."))
    }

    /// Finds an entry in any log.
    pub(crate) async fn find(&self, entry: EntryId) -> Result<LogRecord, Problem> {
        Ok(self.client.find(entry).await?)
    }

    /// What waits to be delivered, all or what one process has emitted.
    pub(crate) async fn waiting(
        &self,
        source: Option<ProcessId>,
        limit: u32,
    ) -> Result<WaitingFacts, Problem> {
        let waiting = self.client.waiting(source, limit, STATUS_WAIT).await?;
        let mut pairs = waiting.pairs;
        pairs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let missing = waiting.missing.into_iter().map(|(unit, error)| (unit, error.into()));
        let (total, timers) = (waiting.total, waiting.timers);
        Ok(WaitingFacts { pairs, total, timers, missing: missing.collect() })
    }

    /// What a process waits for the time of.
    pub(crate) async fn timers(
        &self,
        process: ProcessId,
        limit: u32,
    ) -> Result<TimerFacts, Problem> {
        match timeout(STATUS_WAIT, self.client.timers(process, limit)).await {
            Ok(told) => {
                let (set, more) = told?;
                Ok(TimerFacts { set, more })
            }
            Err(_) => {
                let detail = "no unit that executes the process answers in time".to_owned();
                Err(ClientError::Unreachable { detail }.into())
            }
        }
    }

    /// The names of processes, as far as they are found soon.
    pub(crate) async fn names(&self, processes: impl IntoIterator<Item = ProcessId>) -> Names {
        let processes: BTreeSet<ProcessId> = processes.into_iter().collect();
        let mut asked = JoinSet::new();
        for process in processes.into_iter().take(NAMES_MAX) {
            let client = self.client.clone();
            asked.spawn(async move {
                let described = timeout(NAMES_WAIT, client.describe(process)).await.ok()?.ok()?;
                Some((process, described.spawn.name.clone()))
            });
        }
        Names(asked.join_all().await.into_iter().flatten().collect())
    }
}

/// Slots with what came of them, as far as that is known, and why it is not.
fn rows(
    records: &[LogRecord],
    outcomes: Result<BTreeMap<Slot, Progress>, Problem>,
) -> (Vec<SlotFacts>, Option<Problem>) {
    let (mut progress, problem) = match outcomes {
        Ok(progress) => (progress, None),
        Err(problem) => (BTreeMap::new(), Some(problem)),
    };
    let rows = records.iter().map(|record| SlotFacts {
        assignment: record.assignment,
        call: Call::of_entry(&record.entry),
        cause: Cause::of_entry(&record.entry),
        progress: match (progress.remove(&record.assignment.slot), &problem) {
            (Some(progress), _) => progress,
            (None, None) => Progress::Waiting,
            (None, Some(_)) => Progress::Unknown,
        },
    });
    (rows.collect(), problem)
}

fn row(scheduler: UnitId, entry: &ProcessEntry) -> Option<ProcessRow> {
    let spawn: Spawn = codec::decode(&entry.spawn).ok()?;
    Some(ProcessRow {
        process: entry.process,
        name: spawn.name,
        module: spawn.module,
        sender: spawn.sender,
        controller: spawn.controller,
        scheduler: entry.moved.unwrap_or(scheduler),
        moved: entry.moved.is_some(),
        next: entry.next,
        time: entry.time,
    })
}

fn late() -> Problem {
    ClientError::Unreachable { detail: "the unit does not answer".to_owned() }.into()
}
