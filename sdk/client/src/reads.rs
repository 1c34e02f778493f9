//! Reading: outcomes, heads, entries, modules, and who is there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use protocol::{
    EntryId, HeadStatement, ModuleId, ProcessId, Provenance, Refusal, RefusalCode, Role, Signed,
    Slot, Source, Timer, UnitId, UnitRecord,
    abi::SCHEMA_SECTION,
    api::{
        Adoption, AgendaKey, AgendaPage, Executed, LogRecord, ModuleBytes, OutcomePage,
        ProcessEntry, ProcessPage, Request, Stored, UnitStatus,
    },
    codec,
    schema::Schema,
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    Client, ClientError, Described,
    client::{more_telling, remember},
    policy::Said,
    section::custom_section,
    shell,
};

/// How long whoever wants a schema waits for the word of which module a process has by now.
const MODULE_TIME: Duration = Duration::from_secs(2);

/// Processes asked for at once.
const PROCESSES_PAGE: u32 = 1_000;

/// A unit and what it says of itself.
#[derive(Debug, Clone)]
pub struct UnitReport {
    /// Its record.
    pub record: UnitRecord,
    /// Its state, or why it is not known.
    pub status: Result<UnitStatus, ClientError>,
}

impl Client {
    /// Outcomes of a process from a slot on, each with a receipt of the process's policy.
    ///
    /// # Errors
    ///
    /// Why no unit of the policy answered.
    pub async fn outcomes(
        &self,
        process: ProcessId,
        from: Slot,
        limit: u32,
    ) -> Result<OutcomePage, ClientError> {
        let request = Request::Outcomes { process, from, limit };
        let read = |source: &Source, page: OutcomePage| {
            if let (_, Err(error)) = self.inner.checker.outcomes(process, source, from, &page) {
                return Err(error);
            }
            // Another unit may have executed what this one has left to it.
            Ok(if page.executed.is_empty() { Said::Little(page) } else { Said::Enough(page) })
        };
        self.ask_executors(process, request, read).await
    }

    /// Waits, as long as a messenger is willing to, until a slot is executed.
    ///
    /// # Errors
    ///
    /// Why no messenger answered.
    pub async fn await_outcome(
        &self,
        process: ProcessId,
        slot: Slot,
    ) -> Result<Executed, ClientError> {
        let described = self.describe(process).await?;
        let read = |executed: &Executed| {
            if executed.outcome.slot != slot {
                return Err(ClientError::unverified("the outcome is of another slot"));
            }
            self.inner.checker.executed(process, &described.source, executed)?;
            Ok(executed.clone())
        };
        self.first_of(Role::Messenger, Request::Await { process, slot }, read).await
    }

    /// The end of a log, signed just now by its scheduler; by an earlier one, for the end of its
    /// epoch, if the present one does not answer.
    ///
    /// # Errors
    ///
    /// What the scheduler says, or [`ClientError::Unverified`].
    pub async fn head(&self, process: ProcessId) -> Result<HeadStatement, ClientError> {
        let nonce = shell::nonce()?;
        let read = |scheduler: UnitId, source: &Source, head: Signed<HeadStatement>| {
            self.inner.checker.signed(&head)?;
            let said = head.unverified();
            if said.process != process || said.nonce != nonce || said.scheduler != scheduler {
                return Err(ClientError::unverified("the head answers another question"));
            }
            // The next slot is of an epoch that is not known here: who orders it must be found out.
            if said.epoch > source.epoch() {
                let detail = format!("another scheduler than {scheduler} may order the log now");
                return Err(Refusal::new(RefusalCode::Moved, detail).into());
            }
            Ok(said.clone())
        };
        self.ask_schedulers(process, &Request::Head { process, nonce }, read).await
    }

    /// Asks the scheduler of a process. If it does not know that it is, it is shown; if it does not
    /// answer, who orders the process is found out anew, and then those are asked who did before.
    pub(crate) async fn ask_schedulers<T, U>(
        &self,
        process: ProcessId,
        request: &Request,
        read: impl Fn(UnitId, &Source, T) -> Result<U, ClientError>,
    ) -> Result<U, ClientError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
    {
        let mut described = self.describe(process).await?;
        let scheduler = described.source.scheduler();
        let answer = self.ask(scheduler, request).await;
        let error = match answer.and_then(|answer| read(scheduler, &described.source, answer)) {
            Err(error) if error.is_of_the_place() => error,
            answer => return answer,
        };
        described = self.describe_again(process).await?;
        let mut worst = error;
        let silent = matches!(worst, ClientError::Unreachable { .. }).then_some(scheduler);
        for (rank, scheduler) in described.source.schedulers().into_iter().enumerate() {
            if silent == Some(scheduler) {
                continue;
            }
            if rank == 0
                && let Some(adoption) = self.not_taken_over(scheduler, &described).await
                && let Err(error) = self.adopt(scheduler, adoption).await
            {
                tracing::debug!(%process, %scheduler, %error, "a process is not taken over yet");
            }
            let answer = self.ask(scheduler, request).await;
            match answer.and_then(|answer| read(scheduler, &described.source, answer)) {
                Err(error) if error.is_of_the_place() => worst = more_telling(worst, error),
                answer => return answer,
            }
        }
        Err(worst)
    }

    /// What to show a scheduler that does not know that a process is its own.
    async fn not_taken_over(&self, scheduler: UnitId, described: &Described) -> Option<Adoption> {
        let adoption = described.handed_over()?;
        let process = adoption.control.unverified().target;
        let asked = self.ask::<Provenance>(scheduler, &Request::Describe(process)).await;
        let unknown = |error: ClientError| error.code() == RefusalCode::UnknownProcess.word();
        asked.is_err_and(unknown).then_some(adoption)
    }

    /// All processes of all schedulers that answer, each once, with the scheduler that orders it now.
    ///
    /// # Errors
    ///
    /// Why no scheduler answered.
    pub async fn processes(&self) -> Result<Vec<(UnitId, ProcessEntry)>, ClientError> {
        let mut all = Vec::new();
        let mut answered = false;
        let mut worst = ClientError::NoUnit { role: Role::Scheduler };
        for scheduler in self.directory().units(Role::Scheduler) {
            match self.processes_of(scheduler).await {
                Ok(processes) => {
                    answered = true;
                    all.extend(processes.into_iter().map(|process| (scheduler, process)));
                }
                Err(error) => worst = more_telling(worst, error),
            }
        }
        if answered { Ok(present(all)) } else { Err(worst) }
    }

    async fn processes_of(&self, scheduler: UnitId) -> Result<Vec<ProcessEntry>, ClientError> {
        let mut processes: Vec<ProcessEntry> = Vec::new();
        loop {
            let page = self.process_page(scheduler, processes.len() as u64, PROCESSES_PAGE).await?;
            let done = page.processes.is_empty();
            processes.extend(page.processes);
            if done || processes.len() as u64 >= page.total {
                return Ok(processes);
            }
        }
    }

    /// Some processes of a scheduler, in order of birth.
    ///
    /// # Errors
    ///
    /// What the scheduler says.
    pub async fn process_page(
        &self,
        scheduler: UnitId,
        offset: u64,
        limit: u32,
    ) -> Result<ProcessPage, ClientError> {
        self.ask(scheduler, &Request::Processes { offset, limit }).await
    }

    /// What every unit known says of itself, sorted by role.
    pub async fn status(&self) -> Vec<UnitReport> {
        let mut asked = JoinSet::new();
        for record in self.directory().records() {
            let record = record.unverified().clone();
            let client = self.clone();
            asked.spawn(async move {
                let status = client.ask::<UnitStatus>(record.unit, &Request::Status).await;
                UnitReport { record, status }
            });
        }
        let mut reports = asked.join_all().await;
        reports.sort_by_key(|report| (report.record.role, report.record.unit));
        reports
    }

    /// Finds an entry in any log.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `not-found` if no scheduler that answers has it.
    pub async fn find(&self, entry: EntryId) -> Result<LogRecord, ClientError> {
        let read = |record: &LogRecord| {
            let same = record.entry.id() == entry
                && record.assignment.entry == entry
                && record.assignment.process == record.entry.target();
            match same {
                true => Ok(record.clone()),
                false => Err(ClientError::unverified("the entry found is another one")),
            }
        };
        self.first_of(Role::Scheduler, Request::Find(entry), read).await
    }

    /// What a process waits for the time of, in the order in which it was set, at most so much, and
    /// whether there is more: the next occurrence of each timer, and deadlines of asks and births. By
    /// the word of one unit of its policy.
    ///
    /// # Errors
    ///
    /// Why no unit of the policy answered.
    pub async fn timers(
        &self,
        process: ProcessId,
        limit: u32,
    ) -> Result<(Vec<Timer>, bool), ClientError> {
        let first = AgendaKey { process, slot: Slot::ZERO, index: 0 };
        let request = Request::Agenda { after: first.before(), limit };
        let read = |_: &Source, page: AgendaPage| {
            let all = page.timers.len();
            let own = page.timers.into_iter().filter(|timer| timer.process == process);
            let own: Vec<Timer> = own.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
            let more = page.more && own.len() == all;
            // Another unit may execute the process.
            Ok(if own.is_empty() { Said::Little((own, more)) } else { Said::Enough((own, more)) })
        };
        self.ask_executors(process, request, read).await
    }

    /// A module's Wasm binary.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `unknown-module` if no scheduler that answers has it.
    pub async fn module(&self, module: ModuleId) -> Result<Vec<u8>, ClientError> {
        let read = |found: &ModuleBytes| match ModuleId::of(&found.module) == module {
            true => Ok(found.module.clone()),
            false => Err(ClientError::unverified("the module has another digest")),
        };
        self.first_of(Role::Scheduler, Request::GetModule(module), read).await
    }

    /// The module of a process behind the last slot executed, by the word of one unit of its policy.
    ///
    /// # Errors
    ///
    /// Why no unit of the policy answered.
    pub async fn module_of(&self, process: ProcessId) -> Result<ModuleId, ClientError> {
        let read = |_: &Source, found: Stored| Ok(Said::Enough(found.module));
        self.ask_executors(process, Request::ModuleOf(process), read).await
    }

    /// What a process's module says of itself; nothing if it has no readable schema.
    ///
    /// # Errors
    ///
    /// As for [`Self::describe`] and [`Self::module`].
    pub async fn schema(&self, process: ProcessId) -> Result<Option<Arc<Schema>>, ClientError> {
        let module = match timeout(MODULE_TIME, self.module_of(process)).await {
            Ok(Ok(module)) => module,
            // A schema misleads only people.
            Ok(Err(_)) | Err(_) => self.describe(process).await?.spawn.module,
        };
        if let Some(schema) = self.inner.known().schemas.get(&module) {
            return Ok(schema.clone());
        }
        let wasm = self.module(module).await?;
        let schema = Self::schema_of(&wasm).map(Arc::new);
        remember(&mut self.inner.known().schemas, module, schema.clone());
        Ok(schema)
    }

    /// The schema in a Wasm binary, if it has one that can be read.
    pub fn schema_of(wasm: &[u8]) -> Option<Schema> {
        codec::decode(custom_section(wasm, SCHEMA_SECTION)?).ok()
    }
}

/// Of what several schedulers say of a process, what the present one does; where it does not answer,
/// it is named by the one before it.
fn present(all: Vec<(UnitId, ProcessEntry)>) -> Vec<(UnitId, ProcessEntry)> {
    let mut seen: HashMap<ProcessId, usize> = HashMap::new();
    let mut once: Vec<(UnitId, ProcessEntry)> = Vec::with_capacity(all.len());
    for (scheduler, entry) in all {
        let scheduler = entry.moved.unwrap_or(scheduler);
        let at = seen.get(&entry.process).and_then(|at| once.get_mut(*at));
        match at {
            None => {
                seen.insert(entry.process, once.len());
                once.push((scheduler, entry));
            }
            Some(place) => {
                let rank = |entry: &ProcessEntry| (entry.moved.is_none(), entry.next);
                if rank(&entry) > rank(&place.1) {
                    *place = (scheduler, entry);
                }
            }
        }
    }
    once
}

#[cfg(test)]
mod tests;
