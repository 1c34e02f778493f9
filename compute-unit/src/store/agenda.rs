//! What processes wait for, kept with the outcomes that it follows from.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use protocol::{
    ProcessId, Slot, Timer, TimerKind, Timestamp,
    api::{AgendaKey, AgendaPage},
};
use redb::{TableDefinition, WriteTransaction};

use super::Store;
use crate::{
    agenda::{self, AgendaChange, Fresh},
    database::StoreError,
};

/// Process, slot and index of an item to the next occurrence, the kind and when it is due.
const AGENDA: TableDefinition<'_, Key<'_>, (u64, u8, u64)> = TableDefinition::new("agenda");
type Key<'a> = (&'a [u8; 32], u64, u32);

/// The kinds as they are stored.
const TIMER: u8 = 0;
const ASK_TIMEOUT: u8 = 1;

pub(super) fn create(write: &WriteTransaction) -> Result<(), StoreError> {
    write.open_table(AGENDA)?;
    Ok(())
}

/// Stores changes, in the order of the slots that they come of.
pub(super) fn append<'a>(
    write: &WriteTransaction,
    changes: impl Iterator<Item = &'a AgendaChange>,
) -> Result<(), StoreError> {
    let mut rows = write.open_table(AGENDA)?;
    for change in changes {
        let process = change.process;
        if change.whole {
            let (first, last) = (agenda::first(process), agenda::last(process));
            rows.retain_in(row(&first)..=row(&last), |_, _| false)?;
        }
        for timer in &change.waits {
            let kind = match timer.kind {
                TimerKind::Timer => TIMER,
                // The only end of an ask that is waited for is its deadline.
                TimerKind::AskTimeout | TimerKind::NoTarget => ASK_TIMEOUT,
            };
            rows.insert(row(&agenda::key(timer)), (timer.occurrence, kind, timer.due.get()))?;
        }
        for (slot, index) in &change.closed {
            rows.remove((process.as_bytes(), slot.get(), *index))?;
        }
    }
    Ok(())
}

impl Store {
    /// What is waited for behind an item, at most so much. What is fresh takes the place of what is
    /// stored.
    pub(crate) fn agenda(
        &self,
        after: Option<AgendaKey>,
        most: usize,
        fresh: &Fresh,
    ) -> Result<AgendaPage, StoreError> {
        let enough = most.saturating_add(1);
        let ahead = fresh.behind(after).take(enough);
        let mut found: BTreeMap<AgendaKey, Timer> =
            ahead.map(|timer| (agenda::key(&timer), timer)).collect();
        let rows = self.file.begin_read()?.open_table(AGENDA)?;
        let from = after.as_ref().map_or(Unbounded, |after| Excluded(row(after)));
        let mut stored = 0_usize;
        for entry in rows.range::<Key<'_>>((from, Unbounded))? {
            let (key, value) = entry?;
            let timer = read(key.value(), value.value());
            let key = agenda::key(&timer);
            if fresh.overrides(&key) {
                continue;
            }
            found.insert(key, timer);
            stored = stored.saturating_add(1);
            if stored >= enough {
                break;
            }
        }
        let more = found.len() > most;
        Ok(AgendaPage { timers: found.into_values().take(most).collect(), more })
    }
}

const fn row(key: &AgendaKey) -> Key<'_> {
    (key.process.as_bytes(), key.slot.get(), key.index)
}

fn read((process, slot, index): Key<'_>, (occurrence, kind, due): (u64, u8, u64)) -> Timer {
    let kind = if kind == ASK_TIMEOUT { TimerKind::AskTimeout } else { TimerKind::Timer };
    let process = ProcessId::from_bytes(*process);
    Timer { process, slot: Slot::new(slot), index, occurrence, kind, due: Timestamp::new(due) }
}
