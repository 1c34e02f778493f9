//! Messages straight to a scheduler: how many a second get their slot, durably, with a proof that is
//! checked; and what they take of the disk.

use serde::Serialize;

use super::{
    blocking,
    flood::{Flooded, Stream, flood},
    limits,
    machine::Machine,
    report::Latency,
    subject::Subject,
    synthetic::World,
};
use crate::{error::NodeError, output::note, units::Spreading};

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct AssignOptions {
    pub(crate) messages: usize,
    pub(crate) accounts: u32,
    pub(crate) processes: u32,
    pub(crate) args_bytes: usize,
    pub(crate) streams: usize,
    pub(crate) window: usize,
    pub(crate) spreading: Spreading,
}

/// What `bench assign` found out.
#[derive(Debug, Serialize)]
pub(crate) struct AssignReport {
    pub(crate) scenario: &'static str,
    pub(crate) shards: u16,
    pub(crate) messages: u64,
    pub(crate) accounts: u32,
    pub(crate) processes: u32,
    pub(crate) args_bytes: usize,
    pub(crate) elapsed_ms: u64,
    pub(crate) assignments_per_second: u64,
    /// Ed25519 checks a second of all cores in the same run, and what share of it assignments reach.
    pub(crate) ed25519_per_second: u64,
    pub(crate) share_of_ed25519_percent: u64,
    /// Processor time for each check.
    pub(crate) ed25519_cpu_ns: u64,
    /// Processor time for each message.
    pub(crate) scheduler_cpu_ns: u64,
    pub(crate) generator_cpu_ns: u64,
    /// From handing a message to the network to the proof of its slot, with many under way.
    pub(crate) durable: Latency,
    /// The messages as they were signed, and the blocks that the scheduler's data takes in the end.
    pub(crate) signed_bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) disk_percent_of_signed: u64,
    pub(crate) machine: Machine,
}

/// Measures a scheduler program of its own.
pub(crate) async fn assign(options: AssignOptions) -> Result<AssignReport, NodeError> {
    let subject = Subject::start(&options.spreading).await?;
    let directory = subject.directory().to_owned();
    let machine = blocking(move || Machine::measure(&directory)).await??;
    let ed25519 = blocking(limits::verifications).await??;
    let world = World::new(subject.network(), options.accounts, options.args_bytes);
    note(&format!("spawning {} processes", options.processes));
    let processes = subject.populate(&world, options.processes).await?;
    subject.leave_start_behind().await;
    note(&format!("signing {} messages", options.messages));
    let before = subject.allocated();
    let count = options.streams.max(1);
    let mut shares: Vec<Vec<_>> = Vec::new();
    shares.resize_with(count, Vec::new);
    for (number, message) in world.messages(&processes, options.messages).into_iter().enumerate() {
        if let Some(share) = shares.get_mut(number % count) {
            share.push(message);
        }
    }
    let streams: Vec<Stream> =
        shares.into_iter().map(|share| Stream::encode(share, FRAME)).collect();
    let signed = streams.iter().map(Stream::bytes).sum::<usize>();
    note("submitting");
    let flooded = flood(&subject, streams, options.window / count).await?;
    subject.settle().await;
    let disk = subject.allocated().saturating_sub(before);
    let report = report(&options, flooded, (ed25519, machine), (signed, disk));
    subject.stop().await;
    Ok(report)
}

/// Messages in a frame.
const FRAME: usize = 64;

fn report(
    options: &AssignOptions,
    flooded: Flooded,
    ((ed25519, ed25519_cpu_ns), machine): ((u64, u64), Machine),
    (signed, disk): (usize, u64),
) -> AssignReport {
    let signed = u64::try_from(signed).unwrap_or(u64::MAX);
    let rate = flooded.per_second();
    let (scheduler_cpu_ns, generator_cpu_ns) = flooded.cpu_ns();
    AssignReport {
        scenario: "assign",
        shards: options.spreading.shards.map_or(1, std::num::NonZeroU16::get),
        messages: flooded.entries,
        accounts: options.accounts,
        processes: options.processes,
        args_bytes: options.args_bytes,
        elapsed_ms: u64::try_from(flooded.elapsed.as_millis()).unwrap_or(u64::MAX),
        assignments_per_second: rate,
        ed25519_per_second: ed25519,
        share_of_ed25519_percent: rate * 100 / ed25519.max(1),
        ed25519_cpu_ns,
        scheduler_cpu_ns,
        generator_cpu_ns,
        durable: Latency::of(&flooded.durable),
        signed_bytes: signed,
        disk_bytes: disk,
        disk_percent_of_signed: disk.saturating_mul(100) / signed.max(1),
        machine,
    }
}

impl AssignReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} messages of {} accounts to {} processes, {} shards, in {} ms: {} a second\n\
             Ed25519, all cores, in the same run: {} a second; assignments are {} %\n\
             processor time a message: scheduler {} ns, generator {} ns; a check {} ns\n\
             durable p50 {} us, p99 {} us, with many under way\n\
             disk: {} bytes for {} bytes of signed messages, {} %",
            self.messages,
            self.accounts,
            self.processes,
            self.shards,
            self.elapsed_ms,
            self.assignments_per_second,
            self.ed25519_per_second,
            self.share_of_ed25519_percent,
            self.scheduler_cpu_ns,
            self.generator_cpu_ns,
            self.ed25519_cpu_ns,
            self.durable.p50_us,
            self.durable.p99_us,
            self.disk_bytes,
            self.signed_bytes,
            self.disk_percent_of_signed,
        )
    }
}
