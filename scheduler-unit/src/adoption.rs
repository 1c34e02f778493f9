//! Adoptions: this scheduler goes on with a log that another one has begun.
//!
//! Whoever shows a move or a takeover that names this scheduler has the log fetched, from those whom
//! its own provenance names, as far as it goes. It is imported as it was signed. A move is done when
//! the log itself says so; a takeover is assigned here, behind the slot that it names.
//!
//! # Invariants
//!
//! - Nothing is imported before it was verified, down to who signed or emitted each entry.
//! - Modules of the log are stored before the slots that name them.
//! - At most one adoption of a process, and [`ADOPTIONS`] in all, are under way.

mod fetching;
mod reader;
mod takeover;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{
    Control, ControlAction, ProcessId, Provenance, PublicKey, Refusal, RefusalCode, Role, Signed,
    Slot, Source, Spawn, UnitId,
    api::{Adopted, Adoption, Request},
    codec,
};
use tokio::{sync::Semaphore, time::Instant};
use transport::Peers;

use crate::{unit::Unit, verify::refuse_storage};

/// Adoptions under way at once; each holds a few frames.
const ADOPTIONS: usize = 4;

/// Units that are asked for a log at the most, of those that the caller names.
const FROM_MAX: usize = 16;

/// How long a unit may take to say who a process is.
const DESCRIBE_TIME: Duration = Duration::from_secs(1);

/// After this long the caller is told how far it is, and asks again.
const ADOPT_TIME: Duration = Duration::from_secs(5);

/// How long to wait when too much is under way, in milliseconds.
const RETRY_AFTER: u64 = 1_000;

/// What is under way.
#[derive(Debug)]
pub(crate) struct Adoptions {
    /// Connections to other units.
    peers: Peers,
    running: Mutex<BTreeSet<ProcessId>>,
    room: Semaphore,
}

/// An adoption that is under way until this is dropped.
#[derive(Debug)]
struct Turn<'a> {
    adoptions: &'a Adoptions,
    process: ProcessId,
}

impl Adoptions {
    pub(crate) fn new(peers: Peers) -> Self {
        Self { peers, running: Mutex::default(), room: Semaphore::new(ADOPTIONS) }
    }

    /// Connections to other units.
    pub(crate) const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The turn to adopt a process, unless somebody else has it.
    fn begin(&self, process: ProcessId) -> Option<Turn<'_>> {
        // Made only where it is given: a turn that is dropped takes the lock, and ends the turn.
        let begun = self.lock().insert(process);
        begun.then(|| Turn { adoptions: self, process })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<ProcessId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.adoptions.lock().remove(&self.process);
    }
}

impl Unit {
    /// Begins, or goes on, to take a log over; tells how far it is.
    pub(crate) async fn adopt(self: &Arc<Self>, adoption: Adoption) -> Result<Adopted, Refusal> {
        let process = adoption.control.unverified().target;
        self.check_order(&adoption)?;
        self.checked().await;
        if let Some(adopted) = self.adopted(&process)
            && let Some(known) = self.own_provenance(&process).await?
            && has(&known, &adoption.control)
        {
            return Ok(adopted);
        }
        let Some(_turn) = self.adoptions.begin(process) else {
            return Ok(Adopted { next: self.next_of(&process), done: false });
        };
        let Ok(_room) = self.adoptions.room.try_acquire() else {
            let detail = "as many logs as may be are being adopted; ask again";
            let refusal = Refusal::new(RefusalCode::Busy, detail);
            return Err(Refusal { retry_after: Some(RETRY_AFTER), ..refusal });
        };
        let until = Instant::now() + ADOPT_TIME;
        let from = adoption.from.iter().take(FROM_MAX).copied().filter(|unit| *unit != self.id);
        let from: Vec<UnitId> = from.collect();
        let described = self.who_is(&process, &from).await?;
        let provenance = match &described {
            Some(provenance) => {
                let news = provenance.clone();
                let learn = move |unit: &Self| {
                    unit.learn_successor(unit.id, news);
                    Ok(())
                };
                self.read(learn).await?;
                provenance.clone()
            }
            // Who controls it now, its log will tell.
            None => self.peek(&process, &from).await.ok_or_else(|| unknown(&process))?,
        };
        let newest = provenance.source(&process, self.network).map_err(|_| unknown(&process))?;
        if described.is_some() {
            self.check_controller(&adoption, &provenance, &newest)?;
        }
        if let Some(adopted) = self.adopted(&process) {
            return Ok(adopted);
        }
        let candidates = candidates(&from, &provenance, &newest);
        let fetched = self.fetch_log(&adoption.control, &candidates, until).await;
        if let Some(adopted) = self.adopted(&process) {
            return Ok(adopted);
        }
        if let Some(adopted) = self.take_over(&adoption).await? {
            return Ok(adopted);
        }
        fetched?;
        Ok(Adopted { next: self.next_of(&process), done: false })
    }

    /// How far it is, if the log is this scheduler's already.
    fn adopted(&self, process: &ProcessId) -> Option<Adopted> {
        let known = self.shards.archive(process).board.process(process)?;
        let source = &known.standing.source;
        let sealed = self.shards.seals.successor(process, source.changes());
        let owned = source.scheduler() == self.id && sealed.is_none();
        owned.then_some(Adopted { next: known.head.next, done: true })
    }

    fn next_of(&self, process: &ProcessId) -> Slot {
        let known = self.shards.archive(process).board.process(process);
        known.map(|known| known.head.next).unwrap_or_default()
    }

    /// Checks that a control, properly signed, hands a log over to this scheduler.
    fn check_order(&self, adoption: &Adoption) -> Result<(), Refusal> {
        let control = &adoption.control;
        let signed = control.verify_by(self.network, &control.digest(), PublicKey::verifies);
        signed.map_err(|error| bad_handover(error.to_string()))?;
        let names_me = match &control.unverified().action {
            ControlAction::Move(to) => *to == self.id,
            ControlAction::Takeover { scheduler, .. } => *scheduler == self.id,
            _ => false,
        };
        if !names_me {
            return Err(bad_handover("it is no move or takeover that names this scheduler"));
        }
        self.verifier.check_listed(&control.unverified().sender)
    }

    /// Checks that the control is the controller's, and that it is in the log or may still come there.
    fn check_controller(
        &self,
        adoption: &Adoption,
        provenance: &Provenance,
        newest: &Source,
    ) -> Result<(), Refusal> {
        if has(provenance, &adoption.control) {
            return Ok(());
        }
        let control = adoption.control.unverified();
        newest.permits(control).map_err(|error| bad_handover(error.to_string()))?;
        if control.expiry < self.clock.now() {
            return Err(bad_handover("it has expired and is not in the log; sign it again"));
        }
        Ok(())
    }

    /// Who a process is, as this unit, those who may have its log, and other schedulers know it.
    async fn who_is(
        self: &Arc<Self>,
        process: &ProcessId,
        from: &[UnitId],
    ) -> Result<Option<Provenance>, Refusal> {
        let here = self.own_provenance(process).await?;
        let described = self.describe(process, from).await;
        Ok(here.into_iter().chain(described).max_by_key(|known| known.changes.len()))
    }

    /// Who a process is, as its log says here.
    async fn own_provenance(
        self: &Arc<Self>,
        process: &ProcessId,
    ) -> Result<Option<Provenance>, Refusal> {
        let (process, archive) = (*process, Arc::clone(self.shards.archive(process)));
        self.read(move |_| archive.provenance(&process).map_err(refuse_storage)).await
    }

    /// The newest provenance of a process that units describe, verified.
    pub(crate) async fn describe(
        &self,
        process: &ProcessId,
        from: &[UnitId],
    ) -> Option<Provenance> {
        let mut asked: BTreeSet<UnitId> = from.iter().copied().collect();
        asked.extend(self.directory.units(Role::Scheduler));
        asked.remove(&self.id);
        let mut asking = tokio::task::JoinSet::new();
        for unit in asked {
            let (peers, request) = (self.adoptions.peers.clone(), Request::Describe(*process));
            asking.spawn(async move {
                peers.ask_within::<Provenance>(unit, &request, DESCRIBE_TIME).await.ok()
            });
        }
        let mut newest: Option<Provenance> = None;
        while let Some(described) = asking.join_next().await {
            let described = described.ok().flatten().filter(|described| {
                newest.as_ref().is_none_or(|newest| newest.changes.len() < described.changes.len())
                    && described.source(process, self.network).is_ok()
            });
            newest = described.or(newest);
        }
        newest
    }
}

/// Whether a control is one of the changes.
fn has(provenance: &Provenance, control: &Signed<Control>) -> bool {
    let digest = control.digest();
    provenance.changes.iter().any(|change| change.control.digest() == digest)
}

/// Where to fetch a log: from those named whom its provenance names too, then from its schedulers.
fn candidates(from: &[UnitId], provenance: &Provenance, newest: &Source) -> Vec<UnitId> {
    let spawn = codec::decode::<Spawn>(&provenance.spawn).ok();
    let mut schedulers: Vec<UnitId> = spawn.map(|spawn| spawn.scheduler).into_iter().collect();
    let next = |control: &Control| match control.action {
        ControlAction::Move(scheduler) | ControlAction::Takeover { scheduler, .. } => {
            Some(scheduler)
        }
        _ => None,
    };
    let changes = provenance.changes.iter();
    schedulers.extend(changes.filter_map(|change| next(change.control.unverified())));
    let named = |unit: &&UnitId| newest.names(unit, true) || schedulers.contains(unit);
    let mut seen = BTreeSet::new();
    let all = from.iter().filter(named).chain(schedulers.iter().rev());
    all.copied().filter(|unit| seen.insert(*unit)).collect()
}

fn bad_handover(detail: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::BadHandover, detail)
}

fn unknown(process: &ProcessId) -> Refusal {
    let detail = format!("nobody who can be reached says who {process} is");
    Refusal::new(RefusalCode::UnknownProcess, detail)
}
