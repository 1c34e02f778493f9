//! What an operator decides about a compute unit. Nothing here can change an outcome.

use std::path::PathBuf;

use protocol::{NetworkId, OperatorId, SecretKey};

use crate::{executor::Room, memory::memories_max};

pub use crate::executor::Interval;

/// A process in memory takes address space for the largest memory there is, and a file.
const RESIDENT_PROCESSES_MAX: usize = 8_192;

/// The configuration of a compute unit.
#[derive(Debug, Clone)]
pub struct Config {
    /// The unit's key, which is its address.
    pub key: SecretKey,
    /// The network it serves.
    pub network: NetworkId,
    /// Who vouches for it; schedulers of the same operator are believed to have checked signatures.
    pub operator: OperatorId,
    /// A directory of its own.
    pub data: PathBuf,
    /// How many processes execute at a time, and how many long messages beside them, at a lower
    /// priority; by default as many as there are cores.
    pub threads: Option<usize>,
    /// Whether signatures and proofs are checked again that a scheduler of the same operator
    /// checked already.
    pub verify_all: bool,
    /// Processes that may be in memory at a time; the others are checkpoints on disk.
    pub resident_processes: usize,
    /// Bytes that the memories of these may have together; by default a quarter of the machine's.
    pub resident_bytes: Option<usize>,
    /// When a checkpoint of a process at work is due.
    pub interval: Interval,
    /// Checkpoints of each process that are kept, two at least: the newest, and older ones ever
    /// further apart.
    pub checkpoints_kept: usize,
}

impl Config {
    /// A configuration with defaults for everything that has one.
    pub const fn new(
        key: SecretKey,
        network: NetworkId,
        operator: OperatorId,
        data: PathBuf,
    ) -> Self {
        Self {
            key,
            network,
            operator,
            data,
            threads: None,
            verify_all: false,
            resident_processes: 4_096,
            resident_bytes: None,
            interval: Interval { slots: 10_000, gas: 2_000_000_000, bytes: 16 << 20 },
            checkpoints_kept: 8,
        }
    }

    /// How much may be in memory.
    pub(crate) fn room(&self) -> Room {
        let quarter = || machine_bytes().map_or(usize::MAX, |bytes| bytes / 4);
        Room {
            // Twice as many may be in memory while some leave.
            processes: self
                .resident_processes
                .clamp(1, RESIDENT_PROCESSES_MAX)
                .min(memories_max() / 2)
                .max(1),
            bytes: self.resident_bytes.unwrap_or_else(quarter),
        }
    }

    /// How much all memories may have together, those of processes that leave and of messages under
    /// way among them. A page that was written takes up to twice its size.
    pub(crate) fn memory_max(&self) -> usize {
        let room = self.room().bytes;
        room.saturating_add(room / 2)
    }

    /// How many processes execute at a time.
    pub(crate) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        self.threads.unwrap_or_else(cores).clamp(1, 256)
    }
}

/// The memory of the machine, where it can be found out.
fn machine_bytes() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}
