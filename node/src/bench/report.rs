//! What was measured, with units in every name.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::machine::Machine;

/// Everything `bench ingest` found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) processes: u32,
    pub(crate) clients: u32,
    pub(crate) messages: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) messages_per_second: u64,
    /// From submitting a message to the proof that it is durable.
    pub(crate) durable: Latency,
    /// From submitting a message to the reply, with many others under way.
    pub(crate) replied: Latency,
    /// From submitting a message to the reply, one after the other on one connection.
    pub(crate) alone: Latency,
    /// What the data directory grew by, if it is on this machine.
    pub(crate) disk_bytes_per_message: Option<u64>,
    pub(crate) machine: Machine,
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    pub(crate) samples: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
}

impl Latency {
    /// Summarises microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            samples: histogram.len(),
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
        }
    }
}

/// The longest time told apart: ten minutes, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are apart, the digits few")
}

impl Report {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let latency = |latency: &Latency| {
            format!(
                "p50 {} us, p99 {} us, p999 {} us, most {} us",
                latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us
            )
        };
        let disk = self
            .disk_bytes_per_message
            .map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes} bytes a message"));
        let machine = &self.machine;
        format!(
            "{} messages of {} clients to {} processes in {} ms: {} a second\n\
             durable  {}\nreplied  {}\nalone    {}  ({} samples)\ndisk     {disk}\n\n\
             this machine, in the same run: {} cores\n\
             append and sync 4 KiB   p50 {} us, p99 {} us\n\
             Ed25519                 sign {} us, verify {} us\n\
             BLAKE3                  {} MiB a second, one core\n\
             UDP over loopback       there and back p50 {} us",
            self.messages,
            self.clients,
            self.processes,
            self.elapsed_ms,
            self.messages_per_second,
            latency(&self.durable),
            latency(&self.replied),
            latency(&self.alone),
            self.alone.samples,
            machine.cores,
            machine.sync_append_p50_us,
            machine.sync_append_p99_us,
            machine.ed25519_sign_us,
            machine.ed25519_verify_us,
            machine.blake3_mib_per_second,
            machine.udp_round_trip_p50_us,
        )
    }
}
