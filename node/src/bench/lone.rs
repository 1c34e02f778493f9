//! One message at a time to an idle scheduler, beside one commit of the same store.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    blocking,
    flood::{Stream, flood},
    machine::micros,
    report::{Latency, histogram},
    subject::Subject,
    synthetic::World,
};
use crate::{error::NodeError, output::note, units::Spreading};

/// Bytes of a batch of one message: it, its assignment and the signed header.
const BATCH_BYTES: usize = 1_000;

/// What `bench lone` found out.
#[derive(Debug, Serialize)]
pub(crate) struct LoneReport {
    pub(crate) scenario: &'static str,
    /// From handing a message to the network to the proof of its slot, one after the other.
    pub(crate) durable: Latency,
    /// A commit of a batch like it in a log of its own, one after the other, before and after.
    pub(crate) commit: Latency,
    /// How many times a commit it takes.
    pub(crate) p50_percent_of_commit: u64,
    pub(crate) p99_percent_of_commit: u64,
}

/// Measures a scheduler program of its own with so many messages.
pub(crate) async fn lone(messages: usize) -> Result<LoneReport, NodeError> {
    let subject = Subject::start(&Spreading::default()).await?;
    let world = World::new(subject.network(), 1, 0);
    let processes = subject.populate(&world, 1).await?;
    let stream = Stream::encode(world.messages(&processes, messages), 1);
    let mut commits = histogram();
    note("committing");
    add_commits(&subject, messages / 2, &mut commits).await?;
    note("submitting");
    let durable = Latency::of(&flood(&subject, vec![stream], 1).await?.durable);
    add_commits(&subject, messages / 2, &mut commits).await?;
    subject.stop().await;
    let commit = Latency::of(&commits);
    Ok(LoneReport {
        scenario: "lone",
        durable,
        commit,
        p50_percent_of_commit: durable.p50_us * 100 / commit.p50_us.max(1),
        p99_percent_of_commit: durable.p99_us * 100 / commit.p99_us.max(1),
    })
}

async fn add_commits(
    subject: &Subject,
    count: usize,
    times: &mut Histogram<u64>,
) -> Result<(), NodeError> {
    let directory = tempfile::tempdir_in(subject.directory()).map_err(NodeError::system)?;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let commits = blocking(move || {
        scheduler_unit::measure::commits(directory.path(), &[7; BATCH_BYTES], count)
    });
    for took in commits.await?.map_err(NodeError::system)? {
        times.saturating_record(micros(took));
    }
    Ok(())
}

impl LoneReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "one message at a time: durable p50 {} us, p99 {} us, {} of them\n\
             one commit of the same store: p50 {} us, p99 {} us\n\
             a message takes {} % of a commit at p50, {} % at p99",
            self.durable.p50_us,
            self.durable.p99_us,
            self.durable.samples,
            self.commit.p50_us,
            self.commit.p99_us,
            self.p50_percent_of_commit,
            self.p99_percent_of_commit,
        )
    }
}
