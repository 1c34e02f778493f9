//! Fires what is due: the one place where the agenda meets the network and the clock.
//!
//! # Invariants
//!
//! - Nothing here is on the way of a message: what is due is proven from the outcome that set it,
//!   which is fetched then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    Assignment, Entry, ProcessId, RefusalCode, Role, Slot, Timestamp, UnitId,
    api::{AgendaKey, AgendaPage, FollowSlot, Request},
};
use tokio::sync::{Notify, Semaphore};

use crate::{
    agenda::{Agenda, Bounds, Effect, Fired, Occurrence, Waiting},
    delivery::code_of,
    errand::{Errand, Failure},
    hub::Hub,
    location::Known,
    lock,
    parcel::{SlotProof, is_dated},
    service::wall_clock,
};

/// How long a unit may take to answer.
const ASK_TIME: Duration = Duration::from_secs(5);

/// Dates asked for at once.
const PAGE: u32 = 1_024;

/// Dates looked for and proven at once.
const PROVEN_AT_ONCE: usize = 64;

/// How long a date of a process that another messenger serves is left to that one, in milliseconds.
const ELSEWHERE_WAIT: u64 = 2_000;

/// The longest sleep: the host's clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Slots with recurring timers whose proofs are kept.
const PROOFS_MAX: usize = 1_024;

/// The agenda and what feeds it.
#[derive(Debug)]
pub(crate) struct Dates {
    agenda: Mutex<Agenda>,
    wake: Notify,
    proving: Semaphore,
    /// The proofs of slots with recurring timers.
    proofs: Mutex<HashMap<(ProcessId, Slot), Arc<SlotProof>>>,
}

impl Default for Dates {
    fn default() -> Self {
        let agenda = Mutex::new(Agenda::new(Bounds::default()));
        let proving = Semaphore::new(PROVEN_AT_ONCE);
        Self { agenda, wake: Notify::new(), proving, proofs: Mutex::default() }
    }
}

impl Dates {
    /// Reports something to the agenda, with the time.
    pub(crate) fn update(&self, report: impl FnOnce(&mut Agenda, Timestamp)) {
        report(&mut lock(&self.agenda), wall_clock());
        self.wake.notify_one();
    }

    /// Takes what slots set and close that have come by for the first time.
    pub(crate) fn take<'a>(
        &self,
        slots: impl Iterator<Item = (&'a FollowSlot, Option<Assignment>)>,
    ) {
        let mut slots = slots.filter(|(slot, _)| has_dates(slot)).peekable();
        if slots.peek().is_none() {
            return;
        }
        self.update(|agenda, now| {
            for (slot, assignment) in slots {
                let (process, outcome) = (slot.outcome.process, &slot.outcome);
                let ordered = assignment.map_or(now, |assignment| assignment.time);
                for item in outcome.outbox.iter().filter(|item| is_dated(item)) {
                    agenda.handle_item(now, (process, outcome.slot, ordered), item);
                }
                close(agenda, slot);
            }
        });
    }

    /// Takes what slots set and close that came by before the start: a unit that crashed then has
    /// executed them again, and had them not on its agenda when it was asked.
    pub(crate) fn take_again<'a>(&self, slots: impl Iterator<Item = &'a FollowSlot>) {
        self.update(|agenda, now| {
            for slot in slots {
                let (process, outcome) = (slot.outcome.process, &slot.outcome);
                for item in outcome.outbox.iter().filter(|item| is_dated(item)) {
                    agenda.handle_repeated(now, (process, outcome.slot), item);
                }
                close(agenda, slot);
            }
        });
    }

    /// Learns that slots of a process from one on are void.
    pub(crate) fn void(&self, process: ProcessId, first: Slot) {
        lock(&self.proofs).retain(|(other, slot), _| *other != process || *slot < first);
        self.update(|agenda, now| agenda.handle_void(now, process, first));
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        lock(&self.agenda).waiting()
    }
}

/// Whether a slot sets or closes anything.
pub(crate) fn has_dates(slot: &FollowSlot) -> bool {
    slot.closed.is_some() || slot.outcome.outbox.iter().any(is_dated)
}

fn close(agenda: &mut Agenda, slot: &FollowSlot) {
    let process = slot.outcome.process;
    for &(slot, index) in slot.closed.iter().flatten() {
        agenda.handle_closed(AgendaKey { process, slot, index });
    }
}

/// Fires what is due until the messenger stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let dates = &hub.dates;
    loop {
        let now = wall_clock();
        let (effects, wake_at) = {
            let mut agenda = lock(&dates.agenda);
            agenda.handle_time(now);
            (agenda.take_effects(), agenda.wake_at())
        };
        if !effects.is_empty() {
            effects.into_iter().for_each(|effect| perform(&hub, effect));
            continue;
        }
        match wake_at {
            Some(wake_at) => {
                let wait = Duration::from_millis(wake_at.get().saturating_sub(now.get()));
                let alarm = tokio::time::sleep(wait.min(SLEEP_MAX));
                tokio::select! {
                    () = dates.wake.notified() => {}
                    () = alarm => {}
                }
            }
            None => dates.wake.notified().await,
        }
    }
}

fn perform(hub: &Arc<Hub>, effect: Effect) {
    let firing = Arc::clone(hub);
    match effect {
        Effect::Fire { key, ticket, occurrence, doubtful } => hub.spawn(async move {
            let fired = firing.fire(key, (occurrence, doubtful)).await;
            let fired = fired.unwrap_or_else(|(code, retry_after)| {
                Fired::Refused(code, retry_after.map(millis), None)
            });
            let AgendaKey { process, slot, index } = key;
            tracing::debug!(%process, %slot, index, occurrence, ?fired, "a date was due");
            firing.dates.update(|agenda, now| agenda.handle_fired(now, (key, ticket), fired));
        }),
        Effect::Review => hub.spawn(async move {
            for unit in firing.peers.directory().units(Role::Compute) {
                firing.take_agenda(unit).await;
            }
        }),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Hub {
    /// Takes in what a compute unit says is waited for, so that nothing depends on what this
    /// messenger has seen.
    pub(crate) async fn take_agenda(&self, unit: UnitId) {
        let mut after = None;
        loop {
            let request = Request::Agenda { after, limit: PAGE };
            let asked = self.peers.ask_within::<AgendaPage>(unit, &request, ASK_TIME).await;
            let AgendaPage { mut timers, more } = match asked {
                Ok(page) => page,
                Err(error) => {
                    return tracing::debug!(%unit, %error, "a compute unit does not tell its agenda");
                }
            };
            let last = timers.last().map(|timer| {
                let (process, slot, index) = (timer.process, timer.slot, timer.index);
                AgendaKey { process, slot, index }
            });
            timers.retain(|timer| {
                let known = self.locations.cached(&timer.process);
                known.is_none_or(|known| known.source.names(&unit, false))
            });
            self.dates.update(|agenda, _| agenda.handle_page(&timers));
            // A page that leads nowhere ends it, whatever is said to follow.
            if !more || last <= after {
                return;
            }
            after = last;
        }
    }

    /// Proves and submits an occurrence of an item.
    async fn fire(
        self: &Arc<Self>,
        key: AgendaKey,
        (next, doubtful): (u64, bool),
    ) -> Result<Fired, Failure> {
        if !self.post.serves(&key.process) {
            // Whoever serves it fires it, and it is closed then; unless that one is gone by then.
            return Ok(Fired::Refused(RefusalCode::NotDue, Some(ELSEWHERE_WAIT), None));
        }
        let known = self.locations.find(key.process).await.map_err(|code| (code, None))?;
        let proof = match self.dated_proof(&known, key, doubtful).await {
            Ok(Some(proof)) => proof,
            Ok(None) => return Ok(Fired::Gone),
            Err(code) => {
                self.doubt(key.process, code).await;
                return Err((code, None));
            }
        };
        let parcel = proof.parcel(key.index);
        let Some(item) = parcel.item().filter(|item| item.index == key.index) else {
            return Ok(Fired::Gone);
        };
        let Some((occurrence, kind)) = Occurrence::of(item, next, wall_clock()) else {
            return Ok(Fired::Gone);
        };
        let after = occurrence.after(item);
        if after.is_some() {
            self.keep_proof(&proof);
        }
        let entry = Entry::Timer(occurrence.timer(key, kind));
        let errand = Errand { entry, emitted: Some(parcel), introduction: None };
        self.metrics.timers_submitted.increment();
        match self.run_errand(known.scheduler(), errand).await {
            Ok(()) => Ok(Fired::Taken(after)),
            Err((code, retry_after)) => {
                if matches!(code, RefusalCode::WrongPolicy | RefusalCode::BadOrigin) {
                    lock(&self.dates.proofs).remove(&(key.process, key.slot));
                }
                self.doubt(key.process, code).await;
                Ok(Fired::Refused(code, retry_after.map(millis), after))
            }
        }
    }

    /// Whether any compute unit of a process says that something is waited for. One that cannot tell
    /// counts as if it did, and one that has not executed the slot that set it says nothing.
    async fn is_open(&self, known: &Known, key: AgendaKey) -> Result<bool, RefusalCode> {
        let request = Request::Agenda { after: key.before(), limit: 1 };
        let mut answer = Err(RefusalCode::Unreachable);
        for unit in self.units_of(known, &key.process) {
            // First, as it may execute the slot meanwhile: then the date is on its agenda by now.
            let at = (key.process, key.slot);
            let executed = self.page(unit, known, at, 1).await.is_ok_and(|page| !page.is_empty());
            let asked = self.peers.ask_within::<AgendaPage>(unit, &request, ASK_TIME).await;
            match asked.map_err(|error| code_of(&error)) {
                Ok(page) => {
                    let is_it = page.timers.first().is_some_and(|timer| {
                        (timer.process, timer.slot, timer.index)
                            == (key.process, key.slot, key.index)
                    });
                    if is_it {
                        return Ok(true);
                    }
                    if executed {
                        answer = Ok(false);
                    }
                }
                Err(RefusalCode::UnknownRequest) => return Ok(true),
                Err(_) => {}
            }
        }
        answer
    }

    /// What proves a date; nothing if it was doubtful and is not waited for.
    async fn dated_proof(
        &self,
        known: &Known,
        key: AgendaKey,
        doubtful: bool,
    ) -> Result<Option<Arc<SlotProof>>, RefusalCode> {
        // Never closed, so this only waits.
        let _turn = self.dates.proving.acquire().await;
        if doubtful && !self.is_open(known, key).await? {
            return Ok(None);
        }
        let kept = lock(&self.dates.proofs).get(&(key.process, key.slot)).cloned();
        match kept {
            Some(proof) => Ok(Some(proof)),
            None => {
                let proof = self.prove_slot(known, (key.process, key.slot)).await?;
                Ok(Some(Arc::new(proof)))
            }
        }
    }

    fn keep_proof(&self, proof: &Arc<SlotProof>) {
        let mut proofs = lock(&self.dates.proofs);
        if proofs.len() >= PROOFS_MAX {
            proofs.clear();
        }
        proofs.insert((proof.source, proof.slot), Arc::clone(proof));
    }
}
