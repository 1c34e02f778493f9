//! Deliveries straight to a scheduler, each with a proof of origin that holds, of many pairs.

use serde::Serialize;

use super::{
    blocking,
    flood::{Stream, flood},
    limits,
    report::Latency,
    subject::Subject,
    synthetic::World,
};
use crate::{error::NodeError, output::note, units::Spreading};

/// Deliveries in a frame.
const FRAME: usize = 64;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct DeliverOptions {
    /// Processes elsewhere that tell, and processes here that are told by each of them.
    pub(crate) sources: u32,
    pub(crate) targets: u32,
    /// How many deliveries of each pair.
    pub(crate) rounds: u32,
    pub(crate) args_bytes: usize,
    pub(crate) streams: usize,
    pub(crate) window: usize,
    pub(crate) spreading: Spreading,
}

/// What `bench deliver` found out.
#[derive(Debug, Serialize)]
pub(crate) struct DeliverReport {
    pub(crate) scenario: &'static str,
    pub(crate) shards: u16,
    pub(crate) pairs: u64,
    pub(crate) deliveries: u64,
    /// Of a delivery with its proof, as it is sent.
    pub(crate) bytes_each: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) deliveries_per_second: u64,
    /// Rows of as many bytes a second in redb, 256 in a commit.
    pub(crate) redb_rows_per_second: u64,
    /// The same with rows of the arguments alone.
    pub(crate) redb_small_rows_per_second: u64,
    /// Entries a second that Redis takes, syncing before it answers, of 50 connections.
    pub(crate) redis_xadd_per_second: Option<u64>,
    pub(crate) scheduler_cpu_ns: u64,
    pub(crate) generator_cpu_ns: u64,
    /// From handing a delivery to the network to the proof of its slot, with many under way.
    pub(crate) durable: Latency,
}

/// Measures a scheduler program of its own.
pub(crate) async fn deliver(options: DeliverOptions) -> Result<DeliverReport, NodeError> {
    let subject = Subject::start(&options.spreading).await?;
    let directory = subject.directory().to_owned();
    let args = options.args_bytes;
    let redis = blocking(move || limits::redis_per_second(&directory, args.max(1))).await??;
    let world = World::new(subject.network(), 1, options.args_bytes);
    let targets = subject.populate(&world, options.targets).await?;
    let mut sources = world.sources(options.sources);
    note(&format!("making {} deliveries", options.sources * options.targets * options.rounds));
    let count = options.streams.max(1);
    let mut shares: Vec<Vec<_>> = Vec::new();
    shares.resize_with(count, Vec::new);
    let mut introductions = Vec::new();
    for round in 0..=options.rounds {
        let told = world.tell(&mut sources, &targets, round == 0);
        for (number, told) in told.into_iter().enumerate() {
            match shares.get_mut(number % count) {
                Some(share) if round > 0 => share.extend(told),
                _ => introductions.extend(told),
            }
        }
    }
    flood(&subject, vec![Stream::encode(introductions, FRAME)], options.window).await?;
    let streams: Vec<Stream> =
        shares.into_iter().map(|share| Stream::encode(share, FRAME)).collect();
    let bytes = streams.iter().map(Stream::bytes).sum::<usize>();
    note("submitting");
    let flooded = flood(&subject, streams, options.window / count).await?;
    let each = u64::try_from(bytes).unwrap_or(u64::MAX) / flooded.entries.max(1);
    let directory = subject.directory().to_owned();
    let (large, small) = (vec![7; usize::try_from(each).unwrap_or_default()], vec![7; args]);
    let rows = blocking(move || {
        let large = limits::rows_per_second(&directory, &large)?;
        Ok::<_, NodeError>((large, limits::rows_per_second(&directory, &small)?))
    });
    let (redb_rows_per_second, redb_small_rows_per_second) = rows.await??;
    subject.stop().await;
    let (scheduler_cpu_ns, generator_cpu_ns) = flooded.cpu_ns();
    Ok(DeliverReport {
        scenario: "deliver",
        shards: options.spreading.shards.map_or(1, std::num::NonZeroU16::get),
        pairs: u64::from(options.sources) * u64::from(options.targets),
        deliveries: flooded.entries,
        bytes_each: each,
        elapsed_ms: u64::try_from(flooded.elapsed.as_millis()).unwrap_or(u64::MAX),
        deliveries_per_second: flooded.per_second(),
        redb_rows_per_second,
        redb_small_rows_per_second,
        redis_xadd_per_second: redis,
        scheduler_cpu_ns,
        generator_cpu_ns,
        durable: Latency::of(&flooded.durable),
    })
}

impl DeliverReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let redis = self.redis_xadd_per_second;
        let redis = redis.map_or_else(|| "not installed".to_owned(), |rate| rate.to_string());
        format!(
            "{} deliveries of {} pairs, {} bytes each, {} shards, in {} ms: {} a second\n\
             in the same run: redb, 256 rows a commit, {} rows a second of this size, {} of the \
             arguments alone; Redis XADD, synced, {redis}\n\
             processor time a delivery: scheduler {} ns, generator {} ns\n\
             durable p50 {} us, p99 {} us, with many under way",
            self.deliveries,
            self.pairs,
            self.bytes_each,
            self.shards,
            self.elapsed_ms,
            self.deliveries_per_second,
            self.redb_rows_per_second,
            self.redb_small_rows_per_second,
            self.scheduler_cpu_ns,
            self.generator_cpu_ns,
            self.durable.p50_us,
            self.durable.p99_us,
        )
    }
}
