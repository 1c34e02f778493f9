//! Performs what the outbox wants: the one place where its effects meet the network.
//!
//! # Invariants
//!
//! - The outbox is touched in short sections only, and nothing in here waits for one scheduler while
//!   another could be served.

mod sharing;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    PairNumber, ProcessId, RefusalCode, Slot, UnitId,
    api::{Cursor, NextNumber, Request},
};
use tokio::{
    sync::{Notify, mpsc::error::TrySendError, watch},
    time::Instant,
};
use transport::RequestError;

use sharing::meet;

use crate::{
    collect::{Collected, Collector},
    flight::{Flight, ParcelFlight},
    hub::Hub,
    lock,
    outbox::{Bounds, Doubt, Effect, Outbox, PairKey, Waiting},
    parcel::{Parcel, SlotProof, deliveries},
    share::Crew,
    telling::Subject,
};

/// How long a scheduler may take to tell a pair's next number.
const ASK_TIME: Duration = Duration::from_secs(5);

/// How long a delivery waits when the relay's queue is full.
const QUEUE_WAIT: Duration = Duration::from_millis(5);

/// A slot that has come by.
#[derive(Debug)]
pub(crate) enum Came {
    /// Without anything to deliver.
    Bare(ProcessId, Slot),
    /// With items and one receipt, of as many as are needed.
    WithItems(Box<SlotProof>, usize),
}

/// Slots sorted by what is to be done with them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// The positions of those that are needed, in order for each process.
    pub(crate) needed: Vec<usize>,
    /// The processes of those that came although one before them has not.
    pub(crate) early: Vec<ProcessId>,
    /// The positions of those that have come by before.
    pub(crate) known: Vec<usize>,
}

#[derive(Debug)]
struct Inner {
    outbox: Outbox<Parcel>,
    collector: Collector,
    crew: Crew,
}

/// The outbox and what feeds it.
#[derive(Debug)]
pub(crate) struct Post {
    inner: Mutex<Inner>,
    began: Instant,
    wake: Notify,
    room: Notify,
    /// Grows when slots that have come by are needed once more.
    rewound: watch::Sender<u64>,
}

impl Post {
    /// The post of a messenger that is alone so far.
    pub(crate) fn new(unit: UnitId) -> Self {
        let (outbox, collector) = (Outbox::new(Bounds::default()), Collector::default());
        Self {
            inner: Mutex::new(Inner { outbox, collector, crew: Crew::alone(unit) }),
            began: Instant::now(),
            wake: Notify::new(),
            room: Notify::new(),
            rewound: watch::Sender::new(0),
        }
    }

    /// Resumes a process at a stored cursor.
    pub(crate) fn resume(&self, process: ProcessId, cursor: Slot) {
        lock(&self.inner).outbox.resume(process, cursor);
    }

    /// Reports something to the outbox, with the time.
    pub(crate) fn update(&self, report: impl FnOnce(&mut Outbox<Parcel>, Duration)) {
        let now = self.began.elapsed();
        report(&mut lock(&self.inner).outbox, now);
        self.wake.notify_one();
    }

    /// The bytes of the spawn that a pair begins with, if it waits for a birth.
    fn birth(&self, pair: &PairKey) -> Option<Vec<u8>> {
        let inner = lock(&self.inner);
        inner.outbox.front(pair)?.birth().map(<[u8]>::to_vec)
    }

    /// Sorts slots into those that are still needed and those that came too early.
    pub(crate) fn sort(&self, slots: impl Iterator<Item = (ProcessId, Slot)>) -> Sorted {
        let inner = lock(&self.inner);
        let mut sorted = Sorted::default();
        let mut expected: HashMap<ProcessId, Slot> = HashMap::new();
        for (position, (process, slot)) in slots.enumerate() {
            let next = expected.entry(process).or_insert_with(|| inner.outbox.next_slot(&process));
            if slot == *next {
                *next = slot.next().unwrap_or(slot);
                sorted.needed.push(position);
            } else if slot > *next {
                sorted.early.push(process);
            } else if inner.collector.wants(process, slot) {
                sorted.needed.push(position);
            } else {
                sorted.known.push(position);
            }
        }
        sorted
    }

    /// Takes slots that have come by, in order for each process; names the processes of those that
    /// are not taken, because slots before them are needed since they were sorted.
    pub(crate) fn take(&self, slots: Vec<Came>) -> Vec<ProcessId> {
        let mut early = Vec::new();
        {
            let mut inner = lock(&self.inner);
            early.extend(slots.into_iter().filter_map(|slot| inner.take(slot).err()));
        }
        self.wake.notify_one();
        early
    }

    /// Learns that slots of a process from one on are void.
    pub(crate) fn void(&self, process: ProcessId, first: Slot) {
        {
            let Inner { outbox, collector, crew } = &mut *lock(&self.inner);
            meet(outbox, crew, process);
            for slot in collector.take_from(process, first) {
                outbox.release(process, slot);
            }
            outbox.handle_takeover(process, first);
        }
        self.wake.notify_one();
    }

    /// Waits until the outbox has room.
    pub(crate) async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if !lock(&self.inner).outbox.is_full() {
                return;
            }
            room.await;
        }
    }

    /// Where to resume following: the first slot needed, for as many processes as asked for.
    pub(crate) fn cursors(&self, limit: usize) -> Vec<Cursor> {
        let inner = lock(&self.inner);
        let cursor = |(process, next): (ProcessId, Slot)| {
            let slot = inner.collector.first(process).map_or(next, |first| first.min(next));
            Cursor { process, slot }
        };
        inner.outbox.next_slots().take(limit).map(cursor).collect()
    }

    /// What waits, and how much has been delivered.
    pub(crate) fn waiting(&self) -> (Waiting, u64) {
        let inner = lock(&self.inner);
        (inner.outbox.waiting(), inner.outbox.delivered())
    }
}

impl Inner {
    /// Takes a slot, or gives its process back if one before it has not come by.
    fn take(&mut self, came: Came) -> Result<(), ProcessId> {
        let Self { outbox, collector, crew } = self;
        let (process, slot) = match &came {
            Came::Bare(process, slot) => (*process, *slot),
            Came::WithItems(proof, _) => (proof.source, proof.slot),
        };
        // Since the slot was sorted its process may have been taken back, or taken over.
        if slot > outbox.next_slot(&process) {
            return Err(process);
        }
        if !crew.is_alone() {
            meet(outbox, crew, process);
            if outbox.is_elsewhere(&process) {
                outbox.handle_slot(process, slot);
                return Ok(());
            }
        }
        match came {
            Came::Bare(process, slot) => outbox.handle_slot(process, slot),
            Came::WithItems(proof, 0 | 1) => {
                let (source, slot) = (proof.source, proof.slot);
                give(outbox, &Arc::from(proof));
                // An earlier policy may have demanded more.
                if collector.end(source, slot) {
                    outbox.release(source, slot);
                }
                outbox.handle_slot(source, slot);
            }
            Came::WithItems(proof, quorum) => {
                let (source, slot) = (proof.source, proof.slot);
                match collector.add(proof, quorum) {
                    // It holds the cursor until it is complete.
                    Collected::First => outbox.hold(source, slot),
                    Collected::More => {}
                    Collected::Complete(proof) => {
                        give(outbox, &proof);
                        outbox.release(source, slot);
                    }
                    Collected::Full(proof) => {
                        for item in deliveries(&proof.outbox) {
                            let pair = PairKey { source, target: item.target };
                            let Some(position) = item.pair else { continue };
                            outbox.handle_absent_item(pair, slot, position.number);
                        }
                        outbox.handle_slot(source, slot);
                    }
                }
            }
        }
        Ok(())
    }
}

fn give(outbox: &mut Outbox<Parcel>, proof: &Arc<SlotProof>) {
    for (pair, item) in proof.items() {
        outbox.handle_item(pair, item);
    }
    for (pair, number, parcel) in proof.skips() {
        outbox.handle_skip(pair, number, (proof.slot, parcel));
    }
}

/// Performs the outbox's effects until the messenger stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let post = &hub.post;
    loop {
        let (effects, wake_at, full) = {
            let now = post.began.elapsed();
            let mut inner = lock(&post.inner);
            inner.outbox.handle_time(now);
            let effects = inner.outbox.take_effects();
            (effects, inner.outbox.wake_at(), inner.outbox.is_full())
        };
        if !full {
            post.room.notify_waiters();
        }
        if !effects.is_empty() {
            perform(&hub, effects);
            continue;
        }
        match wake_at {
            Some(wake_at) => {
                let alarm = tokio::time::sleep_until(post.began + wake_at);
                tokio::select! {
                    () = post.wake.notified() => {}
                    () = alarm => {}
                }
            }
            None => post.wake.notified().await,
        }
    }
}

fn perform(hub: &Arc<Hub>, effects: Vec<Effect<Parcel>>) {
    let mut groups: Vec<(UnitId, Vec<Flight>)> = Vec::new();
    for effect in effects {
        match effect {
            Effect::Submit { pair, number, ticket, introduce, payload } => {
                let target = hub.locations.cached(&pair.target);
                let source = introduce.then(|| hub.locations.cached(&pair.source));
                let (Some(target), true) = (target, source.as_ref().is_none_or(Option::is_some))
                else {
                    // Forgotten meanwhile: asking for the next number finds both again.
                    hub.post.update(|outbox, _| outbox.handle_disconnected(pair, ticket));
                    continue;
                };
                let introduction = source.flatten();
                let flight = ParcelFlight { pair, number, ticket, parcel: payload, introduction };
                let flight = Flight::Parcel(flight);
                let scheduler = target.scheduler();
                match groups.iter_mut().find(|(unit, _)| *unit == scheduler) {
                    Some((_, group)) => group.push(flight),
                    None => groups.push((scheduler, vec![flight])),
                }
            }
            Effect::Settle { pair, number, slot, payload } => {
                let subject = payload.map_or(Subject::SkipIn(slot), Subject::Parcel);
                hub.words.update(|verdicts, now| {
                    verdicts.handle_case(now, (pair, number), subject, Some(slot));
                });
            }
            Effect::NoTarget { pair, asks } => {
                let telling = Arc::clone(hub);
                hub.spawn(async move { telling.tell_absence(pair, asks).await });
            }
            Effect::AskNext { pair, ticket } => ask(hub, pair, ticket, Doubt::default()),
            Effect::LookAgain { pair, ticket, doubt } => ask(hub, pair, ticket, doubt),
            Effect::Fetch { pair, ticket, from, number } => {
                let fetching = Arc::clone(hub);
                hub.spawn(async move {
                    let answer = fetching.fetch_items(pair, from, number).await;
                    fetching.post.update(|outbox, now| {
                        outbox.handle_fetched(now, (pair, ticket), answer);
                    });
                });
            }
        }
    }
    for (scheduler, group) in groups {
        send(hub, scheduler, group);
    }
}

/// Asks for a pair's next number, and reports it.
fn ask(hub: &Arc<Hub>, pair: PairKey, ticket: u64, doubt: Doubt) {
    let asking = Arc::clone(hub);
    hub.spawn(async move {
        let answer = asking.ask_next(pair, doubt).await;
        asking.post.update(|outbox, now| outbox.handle_next(now, (pair, ticket), answer));
    });
}

/// Hands deliveries to a relay without waiting for it.
fn send(hub: &Arc<Hub>, scheduler: UnitId, group: Vec<Flight>) {
    let count = group.len();
    match hub.relay(scheduler).try_send(group) {
        Ok(()) => hub.metrics.deliveries_submitted.add_many(count),
        Err(TrySendError::Full(group) | TrySendError::Closed(group)) => {
            hub.post.update(|outbox, now| {
                for flight in group {
                    let Flight::Parcel(ParcelFlight { pair, number, ticket, .. }) = flight else {
                        continue;
                    };
                    let refusal = (RefusalCode::Busy, Some(QUEUE_WAIT));
                    outbox.handle_refused(now, pair, (number, ticket), refusal);
                }
            });
        }
    }
}

impl Hub {
    /// Asks the target's scheduler for a pair's next number; finds the source and the target, anew
    /// where that is in doubt.
    async fn ask_next(&self, pair: PairKey, doubt: Doubt) -> Result<PairNumber, RefusalCode> {
        let PairKey { source, target } = pair;
        // Nobody orders a child before its birth, which names who will.
        if (doubt.target || self.locations.cached(&target).is_none())
            && let Some(spawn) = self.post.birth(&pair)
        {
            self.locations.learn_birth(target, &spawn);
        }
        let known = self.find(target, doubt.target).await?;
        self.find(source, doubt.source).await?;
        let request = Request::Pair { source, target };
        let scheduler = known.scheduler();
        let asked = self.peers.ask_within::<NextNumber>(scheduler, &request, ASK_TIME).await;
        let asked = asked.map(|next| next.number).map_err(|error| code_of(&error));
        // It may not know yet that the process is its own, or its own again.
        let unaware = match asked {
            Ok(_) => doubt.target,
            Err(code) => code == RefusalCode::UnknownProcess,
        };
        if !unaware {
            return asked;
        }
        match self.hand_over(target, &known).await {
            Some(true) => {
                let asked = self.peers.ask_within::<NextNumber>(scheduler, &request, ASK_TIME);
                asked.await.map(|next| next.number).map_err(|error| code_of(&error))
            }
            Some(false) => Err(RefusalCode::Moved),
            None if asked.is_err() && self.post.birth(&pair).is_some() => Ok(PairNumber::ZERO),
            None => asked,
        }
    }
}

/// The code that stands for a failed request.
pub(crate) fn code_of(error: &RequestError) -> RefusalCode {
    match error {
        RequestError::Refused(refusal) => refusal.code,
        _ => RefusalCode::Unreachable,
    }
}
