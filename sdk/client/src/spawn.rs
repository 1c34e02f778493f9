//! Spawning processes: store the module, have it accepted, sign the spawn, wait until it is born.

use std::time::Duration;

use protocol::{
    Acceptance, Body, ComputePolicy, Entry, Kind, Limits, Message, ModuleId, Principal, ProcessId,
    Profile, ProfileId, Role, Signed, Spawn, Tag, UnitId, V1, Value,
    api::{Request, Stored},
};
use tokio::time::{Instant, timeout};

use crate::{
    Client, ClientError, Described, SendResult,
    calls::encode_args,
    client::{more_telling, remember},
    shell,
};

/// How many compute units the policy of a spawn that names none has.
const COMPUTES: usize = 2;

/// What to spawn.
#[derive(Debug, Clone)]
pub struct SpawnOptions {
    /// The Wasm binary.
    pub module: Vec<u8>,
    /// What people shall call the process.
    pub name: String,
    /// A map from parameter name to value, for the initialiser.
    pub args: Value,
    /// Words about the process.
    pub tags: Vec<Tag>,
    /// Who may upgrade, move and stop it; by default the client's account.
    pub controller: Option<Principal>,
    /// Who orders its log; by default any scheduler known.
    pub scheduler: Option<UnitId>,
    /// Whose receipts count; by default two compute units of the scheduler's operator, of which
    /// one must answer.
    pub policy: Option<ComputePolicy>,
    /// Every limit that can affect an outcome.
    pub limits: Limits,
    /// How long to wait until it is born.
    pub timeout: Duration,
}

impl SpawnOptions {
    /// Spawns a module with everything else by default: no name, no arguments, 30 seconds.
    pub fn new(module: Vec<u8>) -> Self {
        Self {
            module,
            name: String::new(),
            args: Value::Map(Vec::new()),
            tags: Vec::new(),
            controller: None,
            scheduler: None,
            policy: None,
            limits: Limits::DEFAULT,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A process whose slot 0 was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawned {
    /// The process.
    pub process: ProcessId,
    /// What came of its slot 0; [`SendResult::reply`] tells whether it was born.
    pub birth: SendResult,
}

impl Client {
    /// Stores a module with a scheduler.
    ///
    /// # Errors
    ///
    /// What the scheduler says, or [`ClientError::Unverified`] if it stored something else.
    pub async fn put_module(
        &self,
        scheduler: UnitId,
        module: &[u8],
    ) -> Result<ModuleId, ClientError> {
        let id = ModuleId::of(module);
        if self.inner.known().stored.contains_key(&(scheduler, id)) {
            return Ok(id);
        }
        let request = Request::PutModule(module.to_vec());
        let stored: Stored = self.ask(scheduler, &request).await?;
        if stored.module != id {
            return Err(ClientError::unverified("the scheduler stored another module"));
        }
        remember(&mut self.inner.known().stored, (scheduler, id), ());
        Ok(id)
    }

    /// Asks a compute unit for its word that it can run a module under the current profile.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `module-refused` and the reason if it cannot.
    pub async fn accept(&self, unit: UnitId, module: &[u8]) -> Result<Acceptance, ClientError> {
        self.accept_under(unit, module, Profile::current().id()).await
    }

    async fn accept_under(
        &self,
        unit: UnitId,
        module: &[u8],
        profile: ProfileId,
    ) -> Result<Acceptance, ClientError> {
        let id = ModuleId::of(module);
        if let Some(acceptance) = self.inner.known().accepted.get(&(unit, id, profile)) {
            return Ok(acceptance.clone());
        }
        let request = Request::Accept { module: module.to_vec(), profile };
        let acceptance: Acceptance = self.ask(unit, &request).await?;
        if acceptance.unit != unit || !acceptance.holds(self.network(), &id, &profile) {
            return Err(ClientError::unverified("the acceptance of the module"));
        }
        remember(&mut self.inner.known().accepted, (unit, id, profile), acceptance.clone());
        Ok(acceptance)
    }

    /// Spawns a process and waits until its slot 0 is executed.
    ///
    /// # Errors
    ///
    /// What the units say. An initialiser that fails is no error here: see [`Spawned::birth`].
    pub async fn spawn(&self, options: SpawnOptions) -> Result<Spawned, ClientError> {
        let limit = options.timeout;
        let signed = timeout(limit, self.prepare_spawn(options)).await.unwrap_or_else(|_| {
            Err(ClientError::unreachable("the units did not take the module in time; try again"))
        })?;
        let described = Described::born(&signed);
        let entry = Entry::Spawn(signed);
        let process = entry.target();
        let described = self.inner.locations.learn(process, described);
        let ticket = self.inner.submitter.submit(entry, described.source.clone()).await?;
        let birth = self.finish(ticket, limit).await;
        if birth.is_err() {
            // It may never have been: ask the schedulers next time.
            self.inner.locations.forget(&process);
        }
        Ok(Spawned { process, birth: birth? })
    }

    /// Stores the module, has it accepted and signs the spawn, without submitting it.
    ///
    /// # Errors
    ///
    /// What the units say, or [`ClientError::BadRequest`] if a field breaks a rule.
    pub async fn prepare_spawn(&self, options: SpawnOptions) -> Result<Signed<Spawn>, ClientError> {
        let key = self.key()?;
        let sender = Principal::Account(key.public().account());
        check_size(&options.module)?;
        let scheduler = match options.scheduler {
            Some(scheduler) => scheduler,
            None => self.any_scheduler()?,
        };
        let policy = match options.policy {
            Some(policy) => policy,
            None => self.default_policy(&scheduler)?,
        };
        let profile = Profile::current().id();
        let acceptance = self.accept_by_any(&policy.units, &options.module, profile).await?;
        let module = self.put_module(scheduler, &options.module).await?;
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: self.network(),
            sender,
            module,
            acceptance,
            args: encode_args(&options.args)?,
            name: options.name,
            tags: options.tags,
            nonce: self.next_nonce(),
            expiry: shell::now().saturating_add(Message::EXPIRY_MAX - 30_000),
            scheduler,
            policy,
            profile,
            controller: options.controller.unwrap_or(sender),
            limits: options.limits,
        };
        spawn.check().map_err(|error| ClientError::BadRequest(error.to_owned()))?;
        Ok(Signed::sign(spawn, key))
    }

    /// The acceptance of the first unit that can be reached; a unit that refuses the module speaks
    /// for all.
    pub(crate) async fn accept_by_any(
        &self,
        units: &[UnitId],
        module: &[u8],
        profile: ProfileId,
    ) -> Result<Acceptance, ClientError> {
        let mut worst = ClientError::NoUnit { role: Role::Compute };
        let mut units = units.to_vec();
        self.inner.doubts.order(Instant::now(), &mut units);
        for unit in units {
            match self.accept_under(unit, module, profile).await {
                Ok(acceptance) => return Ok(acceptance),
                Err(error) if error.is_of_the_unit() => {
                    if matches!(error, ClientError::Unreachable { .. }) {
                        self.inner.doubts.doubt(Instant::now(), unit);
                    }
                    worst = more_telling(worst, error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(worst)
    }

    fn any_scheduler(&self) -> Result<UnitId, ClientError> {
        let role = Role::Scheduler;
        let schedulers = self.directory().units(role);
        pick(&schedulers, shell::number()?).ok_or(ClientError::NoUnit { role })
    }

    /// Units of the scheduler's operator if there are any, else of anybody.
    fn default_policy(&self, scheduler: &UnitId) -> Result<ComputePolicy, ClientError> {
        let role = Role::Compute;
        let directory = self.directory();
        let operator = directory.operator(scheduler);
        let mut computes = directory.units(role);
        if computes.iter().any(|unit| directory.operator(unit) == operator) {
            computes.retain(|unit| directory.operator(unit) == operator);
        }
        let mut units = Vec::new();
        while units.len() < COMPUTES
            && let Some(unit) = pick(&computes, shell::number()?)
        {
            computes.retain(|other| *other != unit);
            units.push(unit);
        }
        if units.is_empty() {
            return Err(ClientError::NoUnit { role });
        }
        Ok(ComputePolicy { units, quorum: 1, version: 0, previous: None })
    }
}

/// Refuses a module that no scheduler stores.
pub(crate) fn check_size(module: &[u8]) -> Result<(), ClientError> {
    let (size, most) = (module.len(), Limits::MODULE_BYTES_MAX);
    if size > most {
        return Err(ClientError::BadRequest(format!(
            "the module has {size} bytes, more than the limit of {most}"
        )));
    }
    Ok(())
}

fn pick(units: &[UnitId], random: u64) -> Option<UnitId> {
    let index = random.checked_rem(u64::try_from(units.len()).ok()?)?;
    units.get(usize::try_from(index).ok()?).copied()
}
