//! Follows what compute units execute: one self-healing stream to each unit of the directory.
//!
//! # Invariants
//!
//! - The slots of a process are taken in order without gaps, whichever units they come from. What
//!   cannot be taken at the moment is put off: the stream is opened again and brings it again.
//! - What a unit says of a process counts only while the process's newest policy names it; until
//!   more becomes known of some process, it is passed over.
//! - Nothing is read while the outbox is full.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use protocol::{
    Epoch, Fault, Outcome, ProcessId, Role, TRACE_TARGET, TraceId, UnitId,
    api::{FollowSlot, OUTCOME_FRAME_MAX, Opening},
    codec,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use transport::Connection;

use crate::{
    check::{Frame, FrameError},
    delivery::Came,
    firing::has_dates,
    hub::Hub,
    location::Known,
    lock,
    parcel::{Contents, ReceiptPart, SlotProof},
    session::Event,
};

/// How long a stream that ended at once is not opened again.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a unit is left alone after a frame that does not hold.
const FAULT_PAUSE: Duration = Duration::from_secs(10);

/// When what was put off is asked for again.
const PUT_OFF: Duration = Duration::from_secs(2);

/// When the agenda of a unit is asked for once more.
const AGENDA_AGAIN: Duration = Duration::from_secs(5);

/// Cursors that fit into the opening of a stream, of about 45 bytes each.
const CURSORS_MAX: usize = 65_536;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Transport(#[from] transport::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the unit ended the stream")]
    Ended,
    #[error("some slots were put off")]
    PutOff,
    #[error("slots that have come by are needed once more")]
    Rewound,
}

/// Follows every compute unit of the directory, as they come and go.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut changed = hub.peers.directory().changed();
    let mut followed: BTreeMap<UnitId, CancellationToken> = BTreeMap::new();
    loop {
        changed.borrow_and_update();
        let units = hub.peers.directory().units(Role::Compute);
        followed.retain(|unit, token| {
            let stays = units.binary_search(unit).is_ok();
            if !stays {
                token.cancel();
            }
            stays
        });
        for unit in units {
            followed.entry(unit).or_insert_with(|| {
                let token = CancellationToken::new();
                let (gone, following) = (token.clone(), Arc::clone(&hub));
                hub.spawn(async move {
                    tokio::select! {
                        () = gone.cancelled() => {}
                        () = follow(following, unit) => {}
                    }
                });
                token
            });
        }
        if changed.changed().await.is_err() {
            // The directory is held by the hub, so this is the end of the runtime.
            return;
        }
    }
}

async fn follow(hub: Arc<Hub>, unit: UnitId) {
    let peer = hub.peers.peer(unit);
    let (mut afresh, mut agenda_at) = (true, None);
    loop {
        let connection = peer.connection().await;
        let began = Instant::now();
        let mut follower = Follower {
            hub: &hub,
            unit,
            put_off: HashSet::new(),
            again: None,
            passed_over: HashSet::new(),
            agenda_at,
        };
        if afresh {
            follower.agenda_at = Some(began + AGENDA_AGAIN);
            follower.take_agenda();
        }
        let Err(error) = follower.listen(&connection).await;
        agenda_at = follower.agenda_at;
        afresh = !matches!(error, FollowError::PutOff);
        hub.metrics.follow_reconnects.increment();
        match error {
            FollowError::Frame(error) => {
                tracing::warn!(%unit, %error, "a compute unit's frame does not hold");
                hub.metrics.follow_faults.increment();
                tokio::time::sleep(FAULT_PAUSE).await;
            }
            error => {
                tracing::debug!(%unit, %error, "following a compute unit anew");
                if began.elapsed() < PAUSE {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// One stream of one unit.
struct Follower<'a> {
    hub: &'a Arc<Hub>,
    unit: UnitId,
    /// Processes of which a slot was not taken, so that no later one may be on this stream.
    put_off: HashSet<ProcessId>,
    /// When to ask for them again.
    again: Option<Instant>,
    /// Processes whose policy does not name the unit, of those that are put off.
    passed_over: HashSet<ProcessId>,
    /// When to ask for the unit's agenda again: what it published between the first time and the
    /// beginning of the stream is on neither.
    agenda_at: Option<Instant>,
}

impl Follower<'_> {
    async fn listen(
        &mut self,
        connection: &Connection,
    ) -> Result<std::convert::Infallible, FollowError> {
        // Before the cursors, so that none that changes later goes unnoticed.
        let mut rewound = self.hub.post.rewound();
        let cursors = self.hub.post.cursors(CURSORS_MAX);
        let opening = codec::encode(&Opening::Follow { cursors });
        let (_sender, mut receiver) = connection.open_stream(&opening).await?;
        receiver.set_limit(OUTCOME_FRAME_MAX);
        let mut changed = self.hub.locations.changed();
        loop {
            self.hub.post.has_room().await;
            let (again, agenda_at) = (self.again, self.agenda_at);
            let frame = tokio::select! {
                frame = receiver.recv() => frame?.ok_or(FollowError::Ended)?,
                () = alarm(agenda_at) => {
                    self.agenda_at = None;
                    self.take_agenda();
                    continue;
                }
                () = alarm(again) => return Err(FollowError::PutOff),
                Ok(()) = rewound.changed() => return Err(FollowError::Rewound),
                Ok(()) = changed.changed(), if !self.passed_over.is_empty() => {
                    self.again.get_or_insert_with(|| Instant::now() + PUT_OFF);
                    continue;
                }
            };
            self.take(&frame).await?;
        }
    }

    fn take_agenda(&self) {
        let (asking, unit) = (Arc::clone(self.hub), self.unit);
        self.hub.spawn(async move { asking.take_agenda(unit).await });
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let frame = Arc::new(Frame::read(self.hub.network, &self.unit, bytes)?);
        self.hub.metrics.frames_followed.increment();
        let slots = &frame.inner.slots;
        let sorted =
            self.hub.post.sort(slots.iter().map(|slot| (slot.leaf.process, slot.leaf.slot)));
        for process in sorted.early {
            if self.put_off(process) {
                tracing::debug!(unit = %self.unit, %process, "a slot came before its turn");
                self.hub.metrics.follow_gaps.increment();
            }
        }
        let needed = sorted.needed.iter().filter_map(|at| slots.get(*at));
        let repeated = self.repeated(&frame, &sorted.known);
        let known = self.acquaintances(&frame, needed.chain(repeated.iter().copied())).await;
        let mut positions = Vec::with_capacity(sorted.needed.len());
        let mut came = Vec::with_capacity(sorted.needed.len());
        for &position in &sorted.needed {
            let Some(slot) = slots.get(position) else { continue };
            let process = slot.leaf.process;
            if self.put_off.contains(&process) {
                continue;
            }
            let known = known.get(&process);
            if known.is_some_and(|known| !frame.counts(known)) {
                self.hub.metrics.slots_passed_over.increment();
                self.put_off.insert(process);
                self.passed_over.insert(process);
                continue;
            }
            let found = known.and_then(|known| self.came(&frame, slot, known));
            match found {
                Some(slot) => {
                    positions.push(position);
                    came.push(slot);
                }
                None => {
                    self.hub.metrics.slots_put_off.increment();
                    self.put_off(process);
                }
            }
        }
        self.compare(&frame, &sorted.known, &positions);
        let holds = |slot: &&FollowSlot| {
            let known = known.get(&slot.leaf.process);
            known.is_some_and(|known| frame.check(slot, known).is_some())
        };
        if !repeated.is_empty() {
            self.hub.dates.take_again(repeated.into_iter().filter(holds));
        }
        self.pass(&frame, &positions);
        for process in self.hub.post.take(came) {
            self.hub.metrics.follow_gaps.increment();
            self.put_off(process);
        }
        Ok(())
    }

    /// Slots with dates that came by before the start, of those that are known.
    fn repeated<'f>(&self, frame: &'f Frame, known: &[usize]) -> Vec<&'f FollowSlot> {
        let known = known.iter().filter_map(|at| frame.inner.slots.get(*at));
        let mut dated = known.filter(|slot| has_dates(slot)).peekable();
        if dated.peek().is_none() {
            return Vec::new();
        }
        let witness = lock(&self.hub.witness);
        dated.filter(|slot| !witness.has_seen(slot)).collect()
    }

    /// Compares slots with what other frames stated of them, and remembers those that may still be
    /// stated by others.
    fn compare(&self, frame: &Arc<Frame>, known: &[usize], fresh: &[usize]) {
        let mut faults = Vec::new();
        {
            let mut witness = lock(&self.hub.witness);
            for slot in known.iter().chain(fresh).filter_map(|at| frame.inner.slots.get(*at)) {
                let process = slot.leaf.process;
                if let Some(fault) = witness.contradiction(frame, slot)
                    && let Some(known) = self.hub.locations.cached(&process)
                    && frame.check(slot, &known).is_some()
                    && witness.report(process)
                {
                    faults.push((process, fault));
                }
            }
            witness.keep(frame, fresh);
        }
        for (process, fault) in faults {
            self.accuse(process, fault);
        }
    }

    /// Writes a fault file, off the path of messages.
    fn accuse(&self, process: ProcessId, fault: Fault) {
        let hub = Arc::clone(self.hub);
        self.hub.spawn(async move {
            let faults = Arc::clone(&hub.faults);
            let written = tokio::task::spawn_blocking(move || faults.write(&fault)).await;
            let path = match written {
                Ok(Ok(Some(path))) => path.display().to_string(),
                Ok(Ok(None)) => "not kept, there are too many".to_owned(),
                Ok(Err(error)) => format!("not kept: {error}"),
                Err(error) => format!("not kept: {error}"),
            };
            tracing::error!(%process, fault = path,
                "ALARM: receipts contradict each other; one of their units is at fault");
            hub.metrics.receipt_conflicts.increment();
        });
    }

    /// Takes no more of a process from this stream; whether that is new.
    fn put_off(&mut self, process: ProcessId) -> bool {
        self.again.get_or_insert_with(|| Instant::now() + PUT_OFF);
        self.put_off.insert(process)
    }

    /// Who the processes of these slots are, as far as that can be found out. Those of which the
    /// unit seems to know more than this messenger are looked for again.
    async fn acquaintances(
        &self,
        frame: &Frame,
        slots: impl Iterator<Item = &FollowSlot>,
    ) -> HashMap<ProcessId, Arc<Known>> {
        let mut known = HashMap::new();
        let mut strangers: BTreeMap<ProcessId, (Option<Epoch>, bool)> = BTreeMap::new();
        for slot in slots {
            let process = slot.leaf.process;
            if self.put_off.contains(&process) {
                continue;
            }
            let epoch = frame.assignment(slot).map(|assignment| assignment.epoch);
            let found = self.hub.locations.cached(&process);
            match found {
                Some(found) if !found.is_behind(&self.unit, epoch) => {
                    known.insert(process, found);
                }
                found => {
                    let stranger = strangers.entry(process).or_default();
                    *stranger = (stranger.0.max(epoch), found.is_some());
                }
            }
        }
        let find = |(process, (epoch, doubt))| {
            let (hub, unit) = (Arc::clone(self.hub), self.unit);
            async move {
                match hub.find(process, doubt).await {
                    // What was on disk may be older still.
                    Ok(found) if !doubt && found.is_behind(&unit, epoch) => {
                        (process, hub.find(process, true).await)
                    }
                    found => (process, found),
                }
            }
        };
        let mut searches: JoinSet<_> = strangers.into_iter().map(find).collect();
        while let Some(search) = searches.join_next().await {
            match search {
                Ok((process, Ok(found))) => drop(known.insert(process, found)),
                Ok((process, Err(code))) => {
                    tracing::debug!(%process, code = code.word(), "an executed process is not found");
                }
                Err(error) => tracing::error!(%error, "a search failed"),
            }
        }
        known
    }

    /// Checks a slot and gets it ready for delivery.
    fn came(&self, frame: &Frame, slot: &FollowSlot, known: &Known) -> Option<Came> {
        let FollowSlot { outcome, leaf, .. } = slot;
        let Some((tree, assignment)) = frame.check(slot, known) else {
            tracing::warn!(unit = %self.unit, process = %leaf.process, slot = %leaf.slot,
                "a compute unit published a slot that does not hold");
            self.hub.metrics.follow_faults.increment();
            return None;
        };
        let contents = Contents::of(&outcome.outbox);
        self.hub.metrics.items_ignored.add_many(contents.rest);
        if contents.parcels == 0 {
            return Some(Came::Bare(leaf.process, leaf.slot));
        }
        let receipt = ReceiptPart {
            stated: leaf.clone(),
            leaf: leaf.leaf(),
            path: frame.path(slot)?.into_owned(),
            batch: Arc::clone(&frame.batch),
        };
        let proof = SlotProof {
            source: leaf.process,
            slot: leaf.slot,
            outbox: outcome.outbox.clone(),
            tree,
            receipts: vec![receipt],
            assignment: assignment?,
        };
        Some(Came::WithItems(Box::new(proof), known.quorum()))
    }

    /// Hands outcomes to whoever waits for them.
    fn pass(&self, frame: &Arc<Frame>, positions: &[usize]) {
        let passed = self.hub.board.pass(frame, positions);
        self.hub.metrics.slots_followed.add_many(passed.fresh.len());
        let slots = &frame.inner.slots;
        let fresh = passed.fresh.iter().filter_map(|position| slots.get(*position));
        if tracing::enabled!(target: TRACE_TARGET, tracing::Level::DEBUG) {
            for slot in fresh.clone() {
                trace(&slot.outcome);
            }
        }
        self.hub.dates.take(fresh.map(|slot| (slot, frame.assignment(slot))));
        for (session, entries) in passed.returns {
            self.hub.metrics.outcomes_returned.add_many(entries.len());
            self.hub.tell(&session, Event::Executed { frame: Arc::clone(frame), entries });
        }
        if self.hub.watchers.receiver_count() > 0 {
            for position in passed.fresh {
                // Without watchers there is nobody to tell.
                let _ = self.hub.watchers.send((Arc::clone(frame), position));
            }
        }
    }
}

/// Logs an outcome that came by.
fn trace(outcome: &Outcome) {
    let Outcome { process, slot, entry, .. } = outcome;
    let trace = TraceId::from(entry);
    tracing::debug!(target: TRACE_TARGET, %trace, %entry, %process, %slot, "followed");
}

async fn alarm(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
