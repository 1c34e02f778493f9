//! Who orders and executes processes, as far as this client has seen.
//!
//! # Invariants
//!
//! - What is remembered of a process proves itself, and gives way only to what has more changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::{
    Control, ControlAction, Epoch, NetworkId, ProcessId, Provenance, Role, Signed, Slot, Source,
    Spawn, UnitId,
    api::{Adoption, Request},
    codec,
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use transport::{Directory, Peers};

use crate::{
    ClientError,
    client::{CONNECT_TIMEOUT, ask, more_telling, remember},
};

/// How long schedulers may take when one has said who a process is.
const SETTLE: Duration = Duration::from_millis(250);

/// Processes looked for again at once, before those that nobody waits for are forgotten.
const TURNS_MAX: usize = 1_024;

/// Who a process is, checked against its id.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its spawn.
    pub spawn: Spawn,
    /// Who orders and executes it now, and did before.
    pub source: Arc<Source>,
    /// Shows all this to others.
    pub provenance: Provenance,
}

/// How a process came to its present scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handover {
    /// Who ordered it before.
    pub from: UnitId,
    /// Who orders it now.
    pub to: UnitId,
    /// The epoch that began with it.
    pub epoch: Epoch,
    /// The slot of the control that ordered it.
    pub slot: Slot,
}

impl Described {
    /// Reads a process's description, which proves itself.
    pub(crate) fn read(
        network: NetworkId,
        process: ProcessId,
        provenance: Provenance,
    ) -> Result<Self, ClientError> {
        let source = provenance.source(&process, network).map_err(ClientError::unverified)?;
        let spawn = codec::decode(&provenance.spawn).map_err(ClientError::unverified)?;
        Ok(Self { spawn, source: Arc::new(source), provenance })
    }

    /// Who a process is whose spawn has just been signed.
    pub(crate) fn born(signed: &Signed<Spawn>) -> Self {
        let spawn = signed.unverified().clone();
        let source = Arc::new(Source::of_spawn(&spawn));
        let provenance = Provenance { spawn: signed.body_bytes().to_vec(), changes: Vec::new() };
        Self { spawn, source, provenance }
    }

    /// What shows its present scheduler that it is: the last control that handed the process over.
    /// Nothing if the spawn's scheduler still orders it.
    pub fn handed_over(&self) -> Option<Adoption> {
        let hands_over = |control: &Signed<Control>| {
            let action = &control.unverified().action;
            matches!(action, ControlAction::Move(_) | ControlAction::Takeover { .. })
        };
        let mut changes = self.provenance.changes.iter().rev();
        let change = changes.find(|change| hands_over(&change.control))?;
        let attested = change.attested.clone().unwrap_or_default();
        Some(self.adoption(change.control.clone(), attested))
    }

    /// How the process came to its present scheduler; nothing if its spawn's still orders it.
    pub fn last_handover(&self) -> Option<Handover> {
        let epochs: Vec<_> = self.source.epochs().collect();
        let changes = self.provenance.changes.iter().zip(epochs.windows(2)).zip(1..);
        let handover = changes.filter_map(|((change, pair), epoch)| {
            let [(from, _), (to, first)] = pair else { return None };
            let slot = match &change.control.unverified().action {
                ControlAction::Takeover { .. } => *first,
                ControlAction::Move(_) => change.sealed.assignment.slot,
                _ => return None,
            };
            Some(Handover { from: *from, to: *to, epoch: Epoch::new(epoch), slot })
        });
        handover.last()
    }

    /// What shows a scheduler that a control hands the process over to it, with all who may have the
    /// log: its schedulers, then the units of its policy.
    pub fn adoption(&self, control: Signed<Control>, attested: Vec<protocol::Receipt>) -> Adoption {
        let named = match control.unverified().action {
            ControlAction::Move(scheduler) | ControlAction::Takeover { scheduler, .. } => {
                Some(scheduler)
            }
            _ => None,
        };
        let mut from = self.source.schedulers();
        from.retain(|scheduler| Some(*scheduler) != named);
        from.extend(&self.source.policy().units);
        Adoption { control, attested, from }
    }
}

/// Finds processes.
#[derive(Debug)]
pub(crate) struct Locations {
    network: NetworkId,
    directory: Directory,
    peers: Peers,
    known: Mutex<HashMap<ProcessId, Arc<Described>>>,
    turns: Mutex<HashMap<ProcessId, Turn>>,
}

/// When the last search for a process that was known already began; whoever holds the lock is looking.
type Turn = Arc<tokio::sync::Mutex<Option<Instant>>>;

impl Locations {
    pub(crate) fn new(network: NetworkId, directory: Directory, peers: Peers) -> Self {
        Self { network, directory, peers, known: Mutex::default(), turns: Mutex::default() }
    }

    /// Who a process is, if that is remembered.
    pub(crate) fn cached(&self, process: &ProcessId) -> Option<Arc<Described>> {
        lock(&self.known).get(process).cloned()
    }

    /// Remembers who a process is, unless more is remembered already; tells what counts.
    pub(crate) fn learn(&self, process: ProcessId, found: Described) -> Arc<Described> {
        let mut known = lock(&self.known);
        if let Some(before) = known.get(&process)
            && before.source.changes() >= found.source.changes()
        {
            return Arc::clone(before);
        }
        let described = Arc::new(found);
        remember(&mut known, process, Arc::clone(&described));
        described
    }

    /// Forgets a process.
    pub(crate) fn forget(&self, process: &ProcessId) {
        lock(&self.known).remove(process);
    }

    /// Finds out who a process is.
    pub(crate) async fn find(&self, process: ProcessId) -> Result<Arc<Described>, ClientError> {
        if let Some(described) = self.cached(&process) {
            return Ok(described);
        }
        let found = self.search(process).await?;
        Ok(self.learn(process, found))
    }

    /// Finds out who a process is now: what is remembered is in doubt. A search that began after the
    /// doubt arose serves everybody who waited for it.
    pub(crate) async fn find_again(
        &self,
        process: ProcessId,
    ) -> Result<Arc<Described>, ClientError> {
        let doubted = Instant::now();
        let turn = {
            let mut turns = lock(&self.turns);
            if turns.len() >= TURNS_MAX {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(process).or_default())
        };
        let mut looked = turn.lock().await;
        let known = self.cached(&process);
        if looked.is_some_and(|began| began >= doubted)
            && let Some(known) = known
        {
            return Ok(known);
        }
        *looked = Some(Instant::now());
        match (self.search(process).await, known) {
            (Ok(found), _) => Ok(self.learn(process, found)),
            (Err(_), Some(known)) => Ok(known),
            (Err(error), None) => Err(error),
        }
    }

    /// Asks all schedulers at once; the provenance with the most changes wins.
    async fn search(&self, process: ProcessId) -> Result<Described, ClientError> {
        let mut asked = JoinSet::new();
        for unit in self.directory.units(Role::Scheduler) {
            let peers = self.peers.clone();
            asked.spawn(async move {
                let request = Request::Describe(process);
                ask::<Provenance>(&peers, unit, &request, CONNECT_TIMEOUT).await
            });
        }
        let mut worst = ClientError::NoUnit { role: Role::Scheduler };
        let mut best: Option<Described> = None;
        let mut deadline = Instant::now() + Peers::DEADLINE;
        while let Ok(Some(answer)) = timeout_at(deadline, asked.join_next()).await {
            let answer = answer.unwrap_or_else(|error| Err(ClientError::System(error.to_string())));
            let known = best.as_ref().map(|best| best.source.changes());
            let read = answer.and_then(|provenance| match known {
                Some(known) if provenance.changes.len() <= known => Ok(None),
                _ => Described::read(self.network, process, provenance).map(Some),
            });
            match read {
                Ok(Some(described)) => {
                    deadline = deadline.min(Instant::now() + SETTLE);
                    best = Some(described);
                }
                Ok(None) => {}
                Err(error) => worst = more_telling(worst, error),
            }
        }
        best.ok_or(worst)
    }
}

/// Every step under a lock leaves its map whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
