//! Tells processes what became of items that they gave up, or that were refused for good: the one
//! place where verdicts meet the network.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    Answer, Delivery, Entry, EntryId, ItemBody, OutboxItem, PairNumber, PairStatement, ProcessId,
    RefusalCode, Signed, Slot, Timer, TimerKind,
    api::{LogPage, Request},
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    delivery::code_of,
    errand::{Errand, Failure},
    hub::Hub,
    location::Known,
    lock,
    outbox::PairKey,
    parcel::Parcel,
    verdict::{Bounds, Effect, Place, Verdicts, Waiting},
};

/// How long a scheduler may take to answer.
const ASK_TIME: Duration = Duration::from_secs(5);

/// How long a scheduler may take to find out that the target of an ask is nowhere; after that it is
/// asked again when the pair has looked for its target once more.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// Of what a source is told.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// An item, or the skip in its place.
    Parcel(Parcel),
    /// The skip that stands in this slot.
    SkipIn(Slot),
}

/// The verdicts and what feeds them.
#[derive(Debug)]
pub(crate) struct Words {
    verdicts: Mutex<Verdicts<Subject>>,
    /// Pairs whose asks are being ended, as their target is nowhere.
    absent: Mutex<BTreeSet<PairKey>>,
    began: Instant,
    wake: Notify,
}

impl Default for Words {
    fn default() -> Self {
        let verdicts = Mutex::new(Verdicts::new(Bounds::default()));
        let absent = Mutex::default();
        Self { verdicts, absent, began: Instant::now(), wake: Notify::new() }
    }
}

impl Words {
    /// Reports something to the verdicts, with the time.
    pub(crate) fn update(&self, report: impl FnOnce(&mut Verdicts<Subject>, Duration)) {
        report(&mut lock(&self.verdicts), self.began.elapsed());
        self.wake.notify_one();
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        lock(&self.verdicts).waiting()
    }
}

/// Tells what there is to tell until the messenger stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let words = &hub.words;
    loop {
        let (effects, wake_at) = {
            let mut verdicts = lock(&words.verdicts);
            verdicts.handle_time(words.began.elapsed());
            (verdicts.take_effects(), verdicts.wake_at())
        };
        if !effects.is_empty() {
            effects.into_iter().for_each(|effect| perform(&hub, effect));
            continue;
        }
        match wake_at {
            Some(wake_at) => {
                let alarm = tokio::time::sleep_until(words.began + wake_at);
                tokio::select! {
                    () = words.wake.notified() => {}
                    () = alarm => {}
                }
            }
            None => words.wake.notified().await,
        }
    }
}

fn perform(hub: &Arc<Hub>, effect: Effect<Subject>) {
    match effect {
        Effect::Release(pair, slot) => {
            hub.post.update(|outbox, _| outbox.release(pair.source, slot));
        }
        Effect::Tell(place, subject) => {
            let telling = Arc::clone(hub);
            hub.spawn(async move {
                let told = telling.tell_verdict(place, &subject).await;
                telling.words.update(|verdicts, now| verdicts.handle_told(now, place, told));
            });
        }
    }
}

impl Hub {
    /// Finds out what became of a number and submits that to its source's scheduler.
    async fn tell_verdict(
        self: &Arc<Self>,
        (pair, number): Place,
        subject: &Subject,
    ) -> Result<(), Failure> {
        let source = self.locations.find(pair.source).await.map_err(|code| (code, None))?;
        let parcel = self.parcel_of(&source, (pair, number), subject).await;
        let parcel = parcel.map_err(|code| (code, None))?;
        let stated = self.statement(&source, (pair, number), &parcel).await;
        let (target, statement) = match stated {
            Ok(stated) => stated,
            Err(code) => {
                self.doubt(pair.target, code).await;
                return Err((code, None));
            }
        };
        let entry = Entry::Answer(Answer { statement });
        let mut introduction = None;
        loop {
            let errand =
                Errand { entry: entry.clone(), emitted: None, introduction: introduction.clone() };
            self.metrics.answers_submitted.increment();
            match self.run_errand(source.scheduler(), errand).await {
                Err((RefusalCode::IntroductionNeeded, _)) if introduction.is_none() => {
                    introduction = Some(Arc::clone(&target));
                }
                Err(failure @ (RefusalCode::BadOrigin | RefusalCode::IntroductionNeeded, _)) => {
                    self.doubt(pair.target, failure.0).await;
                    return Err(failure);
                }
                Err(failure) => {
                    self.doubt(pair.source, failure.0).await;
                    return Err(failure);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn parcel_of(
        &self,
        source: &Known,
        (pair, number): Place,
        subject: &Subject,
    ) -> Result<Parcel, RefusalCode> {
        match subject {
            Subject::Parcel(parcel) => Ok(parcel.clone()),
            Subject::SkipIn(slot) => {
                let proof = Arc::new(self.prove_slot(source, (pair.source, *slot)).await?);
                let mut skips = proof.skips();
                let skip = skips.find(|(of, passed, _)| (*of, *passed) == (pair, number));
                skip.map(|(_, _, parcel)| parcel).ok_or(RefusalCode::NotFound)
            }
        }
    }

    /// Ends asks whose target no scheduler knows, as far as their own scheduler agrees, which looks for
    /// itself first.
    pub(crate) async fn tell_absence(self: &Arc<Self>, pair: PairKey, asks: Vec<Parcel>) {
        if !lock(&self.words.absent).insert(pair) {
            return;
        }
        let told = self.end_asks(pair.source, asks).await;
        lock(&self.words.absent).remove(&pair);
        if let Err(code) = told {
            self.doubt(pair.source, code).await;
        }
    }

    async fn end_asks(
        self: &Arc<Self>,
        process: ProcessId,
        asks: Vec<Parcel>,
    ) -> Result<(), RefusalCode> {
        let scheduler = self.locations.find(process).await?.scheduler();
        let until = Instant::now() + LOOK_TIME;
        for parcel in asks {
            let Some(OutboxItem { index, body: ItemBody::Ask { deadline, .. }, .. }) =
                parcel.item()
            else {
                continue;
            };
            let (slot, index, occurrence) = (parcel.proof.slot, *index, 1);
            let (kind, due) = (TimerKind::NoTarget, *deadline);
            let entry = Entry::Timer(Timer { process, slot, index, occurrence, kind, due });
            loop {
                let (entry, emitted) = (entry.clone(), Some(parcel.clone()));
                self.metrics.timers_submitted.increment();
                let errand = Errand { entry, emitted, introduction: None };
                match self.run_errand(scheduler, errand).await {
                    Ok(()) => break,
                    Err((RefusalCode::NotDue, Some(wait))) if Instant::now() + wait < until => {
                        tokio::time::sleep(wait).await;
                    }
                    Err((code, _)) => return Err(code),
                }
            }
        }
        Ok(())
    }

    /// What the target's scheduler says of a number, be it the item or the skip in its place.
    async fn statement(
        &self,
        source: &Known,
        place: Place,
        parcel: &Parcel,
    ) -> Result<(Arc<Known>, Signed<PairStatement>), RefusalCode> {
        let (target, entry) = (place.0.target, parcel.entry());
        let entry = entry.ok_or(RefusalCode::NotFound)?;
        if let Some(spawn) = parcel.birth() {
            self.locations.learn_birth(target, spawn);
        }
        let stated = match self.locations.find(target).await {
            Ok(known) => {
                let stated = self.ask_statement(&known, place, entry.id()).await;
                stated.map(|statement| (known, statement))
            }
            Err(code) => Err(code),
        };
        match stated {
            Err(RefusalCode::NotFound | RefusalCode::UnknownProcess)
                if matches!(entry, Entry::Skip(_)) =>
            {
                // It came before the skip, or is of a child that was never born.
                let original = self.original(source, place, parcel).await?;
                if let ItemBody::Spawn(spawn, _) = &original.item.body {
                    self.locations.learn_birth(target, spawn);
                }
                let known = self.locations.find(target).await?;
                let entry = original.delivery_id();
                let statement = self.ask_statement(&known, place, entry).await?;
                Ok((known, statement))
            }
            stated => stated,
        }
    }

    async fn ask_statement(
        &self,
        known: &Known,
        (PairKey { source, target }, number): Place,
        entry: EntryId,
    ) -> Result<Signed<PairStatement>, RefusalCode> {
        let request = Request::Statement { source, target, number, entry };
        let asked = self.peers.ask_within(known.scheduler(), &request, ASK_TIME).await;
        let statement: Signed<PairStatement> = asked.map_err(|error| code_of(&error))?;
        let PairStatement { source: of, target: to, number: at, .. } = statement.unverified();
        let is_it = (*of, *to, *at) == (source, target, number);
        if is_it { Ok(statement) } else { Err(RefusalCode::NotFound) }
    }

    /// The item that a skip gives up: the one whose deadline stands in the skip's slot.
    async fn original(
        &self,
        source: &Known,
        (pair, number): (PairKey, PairNumber),
        skip: &Parcel,
    ) -> Result<Delivery, RefusalCode> {
        let (process, from) = (pair.source, skip.proof.slot);
        let request = Request::Log { process, from, limit: 1 };
        let asked = self.peers.ask_within::<LogPage>(source.scheduler(), &request, ASK_TIME).await;
        let page = asked.map_err(|error| code_of(&error))?;
        let record =
            page.records.into_iter().next().filter(|record| record.assignment.slot == from);
        let Some(Entry::Timer(timer)) = record.map(|record| record.entry) else {
            return Err(RefusalCode::NotFound);
        };
        if timer.process != process || timer.kind == TimerKind::Timer {
            return Err(RefusalCode::NotFound);
        }
        let executed = self.outcome(process, timer.slot).await?;
        let item = executed.outcome.outbox.into_iter().find(|item| item.index == timer.index);
        let item = item.filter(|item| {
            item.target == pair.target && item.pair.is_some_and(|place| place.number == number)
        });
        let item = item.ok_or(RefusalCode::NotFound)?;
        Ok(Delivery { source: process, slot: timer.slot, item })
    }
}
