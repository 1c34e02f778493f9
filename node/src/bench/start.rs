//! A scheduler that is killed on a long log: how soon it takes submissions again.

use std::{collections::VecDeque, time::Duration};

use protocol::{
    ProcessId, Timestamp,
    api::{Request, Submission},
};
use serde::Serialize;

use super::{
    blocking,
    flood::{Stream, flood},
    machine::{micros, now},
    subject::{Place, Subject},
    synthetic::{Source, World},
};
use crate::{clock, error::NodeError, output::note, units::Spreading};

/// Entries in a batch of the log.
const BATCH: usize = 1_000;

/// Messages that are signed together.
const SIGNED: usize = 100 * BATCH;

/// Messages in a frame, and how many are under way.
const FRAME: usize = 64;
const WINDOW: usize = 8_192;

/// One in so many slots is a delivery, of one of so many sources to one of so many targets.
const DELIVERIES: usize = 100;
const SOURCES: u32 = 256;
const TARGETS: usize = 64;

/// Bytes of the arguments of a message.
const ARGS: usize = 200;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct StartOptions {
    pub(crate) slots: usize,
    pub(crate) processes: u32,
    pub(crate) messages: usize,
    pub(crate) kills: u32,
}

/// What `bench start` found out.
#[derive(Debug, Serialize)]
pub(crate) struct StartReport {
    pub(crate) scenario: &'static str,
    pub(crate) slots: usize,
    pub(crate) processes: u32,
    /// The first start, which indexes the whole log.
    pub(crate) indexing_ms: u64,
    /// Messages that are assigned between a start and a kill, and how many a second.
    pub(crate) messages: usize,
    pub(crate) assignments_per_second: u64,
    /// Starts after a kill right behind the last acknowledgement.
    pub(crate) restarts: Vec<Restart>,
    /// Starts after a kill while nothing was to be indexed.
    pub(crate) idle_restart: Restart,
    pub(crate) disk_bytes: u64,
}

/// One start.
#[derive(Debug, Serialize)]
pub(crate) struct Restart {
    /// From the program's start until it says that it is ready.
    pub(crate) ready_ms: u64,
    /// From the program's start until a message has its slot, durably.
    pub(crate) accepted_ms: u64,
}

/// Measures a scheduler program of its own.
pub(crate) async fn start(options: StartOptions) -> Result<StartReport, NodeError> {
    let StartOptions { slots, processes, messages, kills } = options;
    let place = Place::make()?;
    let config = place.config();
    let (network, scheduler) = (config.network, config.key.public().unit());
    note(&format!("writing {slots} slots"));
    let (world, born) = blocking(move || {
        let world = World::new(network, 1_000, ARGS);
        let spawns = world.spawns(processes, scheduler);
        let born: Vec<ProcessId> = spawns.iter().map(|spawn| spawn.entry.target()).collect();
        let filling = Filling::new(&world, &born, spawns, slots);
        let written = scheduler_unit::measure::write_log(&config, filling);
        written.map(|()| (world, born)).map_err(NodeError::system)
    })
    .await??;
    note("starting it the first time");
    let begun = now();
    let mut subject = place.start(&Spreading::default()).await?;
    let indexing_ms = millis(begun.elapsed());
    let module = Request::PutModule(example_modules::COUNTER.to_vec());
    subject.connect().await?.ask(&module).await?;
    subject.settle().await;
    let (mut nonce, mut restarts, mut rate) = (slots, Vec::new(), 0);
    for _ in 0..kills {
        note(&format!("submitting {messages} messages, and killing it"));
        let stream = Stream::encode(world.messages_from(nonce, &born, messages), FRAME);
        nonce += messages;
        rate = flood(&subject, vec![stream], WINDOW).await?.per_second();
        let one = Stream::encode(world.messages_from(nonce, &born, 1), FRAME);
        nonce += 1;
        let restart;
        (subject, restart) = restarted(subject, one).await?;
        restarts.push(restart);
    }
    subject.settle().await;
    let one = Stream::encode(world.messages_from(nonce, &born, 1), FRAME);
    let (subject, idle_restart) = restarted(subject, one).await?;
    let disk_bytes = subject.allocated();
    subject.stop().await;
    Ok(StartReport {
        scenario: "start",
        slots,
        processes,
        indexing_ms,
        messages,
        assignments_per_second: rate,
        restarts,
        idle_restart,
        disk_bytes,
    })
}

/// Kills it, starts it again, and submits a message.
async fn restarted(subject: Subject, one: Stream) -> Result<(Subject, Restart), NodeError> {
    let place = subject.kill().await?;
    let begun = now();
    let subject = place.start(&Spreading::default()).await?;
    let ready_ms = millis(begun.elapsed());
    flood(&subject, vec![one], WINDOW).await?;
    Ok((subject, Restart { ready_ms, accepted_ms: millis(begun.elapsed()) }))
}

fn millis(time: Duration) -> u64 {
    micros(time) / 1_000
}

/// What a log of so many slots is made of, batch by batch.
struct Filling<'w> {
    world: &'w World,
    processes: &'w [ProcessId],
    sources: Vec<Source>,
    introduced: bool,
    ready: VecDeque<Submission>,
    /// How many slots are to come beside those that are ready, and how many of them deliveries.
    left: usize,
    deliveries: usize,
    nonce: usize,
}

impl<'w> Filling<'w> {
    fn new(
        world: &'w World,
        processes: &'w [ProcessId],
        spawns: Vec<Submission>,
        slots: usize,
    ) -> Self {
        Self {
            world,
            processes,
            sources: world.sources(SOURCES),
            introduced: false,
            left: slots.saturating_sub(spawns.len()),
            ready: spawns.into(),
            deliveries: slots / DELIVERIES,
            nonce: 0,
        }
    }

    /// Makes more, if there is to be more.
    fn make(&mut self) {
        let (world, targets) = (self.world, self.processes.iter().take(TARGETS));
        let targets: Vec<ProcessId> = targets.copied().collect();
        let made = if self.deliveries > 0 {
            let introduce = !std::mem::replace(&mut self.introduced, true);
            world.tell(&mut self.sources, &targets, introduce).into_iter().flatten().collect()
        } else {
            let count = self.left.min(SIGNED);
            self.nonce += count;
            world.messages_from(self.nonce - count, self.processes, count)
        };
        self.left = self.left.saturating_sub(made.len());
        self.deliveries = self.deliveries.saturating_sub(made.len());
        self.ready.extend(made);
    }
}

impl Iterator for Filling<'_> {
    type Item = (Timestamp, Vec<Submission>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.len() < BATCH && self.left > 0 {
            self.make();
        }
        let count = self.ready.len().min(BATCH);
        let batch: Vec<Submission> = self.ready.drain(..count).collect();
        (!batch.is_empty()).then(|| (clock::now(), batch))
    }
}

impl StartReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let restart = |restart: &Restart| {
            format!(
                "ready after {} ms, a message durable after {} ms",
                restart.ready_ms, restart.accepted_ms
            )
        };
        let busy: Vec<String> = self.restarts.iter().map(restart).collect();
        format!(
            "a log of {} slots of {} processes, {} bytes with its index; the first start took {} ms\n\
             killed behind {} messages at {} a second:\n{}\nkilled at rest:\n{}",
            self.slots,
            self.processes,
            self.disk_bytes,
            self.indexing_ms,
            self.messages,
            self.assignments_per_second,
            busy.join("\n"),
            restart(&self.idle_restart),
        )
    }
}
