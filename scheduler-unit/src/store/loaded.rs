//! What a start goes on from: what the index has, and the rows that it lacks.

use std::collections::HashMap;

use protocol::{PairNumber, ProcessId, Slot, codec};

use super::{Derived, StoreError};
use crate::order::{Head, StoredLog, TimerKey};

/// What a start reads of the index.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// All logs in order of birth, without the changes that the index knows.
    pub(crate) logs: Vec<StoredLog>,
    /// The next number of each pair of target and source; the last one counts.
    pub(crate) pairs: Vec<((ProcessId, ProcessId), PairNumber)>,
    /// The next occurrence of each recurring timer; the last one counts.
    pub(crate) timers: Vec<(TimerKey, u64)>,
    /// The slots of controls that changed who stands for a log, by the number of the log.
    pub(crate) changes: Vec<(u64, Slot)>,
}

impl Loaded {
    /// Goes on with rows that are not indexed, in order.
    pub(crate) fn go_on(&mut self, rows: &[Derived]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let places = self.logs.iter().enumerate();
        let mut places: HashMap<ProcessId, usize> =
            places.map(|(place, log)| (log.process, place)).collect();
        for derived in rows {
            for (process, born, spawn) in &derived.births {
                let place = self.logs.len();
                places.insert(*process, place);
                let spawn = codec::decode_trusted(spawn);
                self.logs.push(StoredLog {
                    process: *process,
                    number: u64::try_from(place).unwrap_or(u64::MAX),
                    born: *born,
                    spawn: spawn.map_err(|_| damaged("a spawn that cannot be read"))?,
                    changes: Vec::new(),
                    head: Head::EMPTY,
                });
            }
            for (process, head) in derived.heads() {
                log_of(&mut self.logs, &places, &process)?.head = head;
            }
            for (process, slot, control) in &derived.changes {
                let log = log_of(&mut self.logs, &places, process)?;
                log.changes.push((*slot, control.clone()));
            }
            self.pairs.extend(derived.pairs.iter().map(|(pair, next)| (*pair, *next)));
            self.timers.extend(derived.timers.iter().map(|(key, next)| (*key, *next)));
        }
        Ok(())
    }
}

fn log_of<'l>(
    logs: &'l mut [StoredLog],
    places: &HashMap<ProcessId, usize>,
    process: &ProcessId,
) -> Result<&'l mut StoredLog, StoreError> {
    let log = places.get(process).and_then(|place| logs.get_mut(*place));
    log.ok_or_else(|| damaged("a slot of a process that was not born"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("the log holds {what}"))
}
