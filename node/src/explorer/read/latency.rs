//! Reads how long slots took to come about: from the assignment of the slot that emitted an entry, or
//! from when a timer was due, to the assignment of the entry. No other times are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use protocol::{ProcessId, Slot, Timestamp};
use tokio::{task::JoinSet, time::timeout};

use super::Reader;
use crate::explorer::facts::{Cause, SlotFacts};

/// How long times of causes may take; without them latencies are not shown.
const TIMES_WAIT: Duration = Duration::from_millis(1_500);

/// Pieces of logs read for one page.
const PIECES_MAX: usize = 16;

/// Slots of a piece, and slots between two that are wanted which are read rather than asked around.
const PIECE_MAX: u64 = 256;
const GAP_MAX: u64 = 16;

impl Reader {
    /// Milliseconds from cause to assignment, by slot, as far as both times are found soon.
    pub(super) async fn latencies(&self, rows: &[SlotFacts]) -> BTreeMap<Slot, u64> {
        let mut wanted: BTreeMap<ProcessId, BTreeSet<u64>> = BTreeMap::new();
        for row in rows {
            if let Some(Cause::Slot(process, slot)) = row.cause {
                wanted.entry(process).or_default().insert(slot.get());
            }
        }
        let pieces = wanted.iter().flat_map(|(process, slots)| {
            pieces(slots).into_iter().map(move |piece| (*process, piece))
        });
        let mut asked = JoinSet::new();
        for (process, (from, count)) in pieces.take(PIECES_MAX) {
            let client = self.client.clone();
            asked.spawn(async move {
                let mut reader = client.log(process, Slot::new(from));
                let page = reader.page(count).await.ok()?;
                let times = page
                    .records
                    .into_iter()
                    .map(|record| ((process, record.assignment.slot), record.assignment.time));
                Some(times.collect::<Vec<_>>())
            });
        }
        let mut times = BTreeMap::new();
        let gathered = timeout(TIMES_WAIT, async {
            while let Some(found) = asked.join_next().await {
                times.extend(found.ok().flatten().unwrap_or_default());
            }
        });
        // What is not there by then is not known.
        let _ = gathered.await;
        rows.iter().filter_map(|row| Some((row.assignment.slot, latency(row, &times)?))).collect()
    }
}

/// None also where the clock of another scheduler is behind.
fn latency(row: &SlotFacts, times: &BTreeMap<(ProcessId, Slot), Timestamp>) -> Option<u64> {
    let since = match row.cause? {
        Cause::Slot(process, slot) => *times.get(&(process, slot))?,
        Cause::Due(due) => due,
    };
    row.assignment.time.get().checked_sub(since.get())
}

/// Slots as few pieces: the first of each, and how many.
fn pieces(slots: &BTreeSet<u64>) -> Vec<(u64, u32)> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for slot in slots {
        match pieces.last_mut() {
            Some((first, last))
                if slot.saturating_sub(*last) <= GAP_MAX
                    && slot.saturating_sub(*first) < PIECE_MAX =>
            {
                *last = *slot;
            }
            _ => pieces.push((*slot, *slot)),
        }
    }
    let count = |first: u64, last: u64| last.saturating_sub(first).saturating_add(1);
    let piece = |(first, last)| (first, u32::try_from(count(first, last)).unwrap_or(1));
    pieces.into_iter().map(piece).collect()
}

#[cfg(test)]
mod tests;
