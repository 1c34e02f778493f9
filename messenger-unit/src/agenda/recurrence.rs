//! Which occurrence of an item is due.

use protocol::{ItemBody, OutboxItem, Timer, TimerKind, Timestamp, api::AgendaKey};

/// An occurrence of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// Counts those before it.
    pub(crate) number: u64,
    /// When it is due.
    pub(crate) due: Timestamp,
}

impl Occurrence {
    /// The occurrence of an item to submit at a time, where the next one is known to be that number
    /// or a later one: each in turn if the timer catches up, else the latest that is due. Nothing if
    /// the item is never due.
    pub(crate) fn of(item: &OutboxItem, next: u64, now: Timestamp) -> Option<(Self, TimerKind)> {
        let (due, kind) = match &item.body {
            ItemBody::Ask { deadline, .. } | ItemBody::Spawn(_, Some(deadline)) => {
                (*deadline, TimerKind::AskTimeout)
            }
            ItemBody::Timer { due, every: None, .. } => (*due, TimerKind::Timer),
            ItemBody::Timer { due, every: Some(every), catch_up, .. } => {
                let passed = now.get().saturating_sub(due.get()).checked_div(*every)?;
                let number = if *catch_up { next } else { next.max(passed) };
                return Some((Self { number, due: at(*due, *every, number)? }, TimerKind::Timer));
            }
            _ => return None,
        };
        Some((Self { number: 0, due }, kind))
    }

    /// The occurrence after this one of the same item, if it recurs.
    pub(crate) fn after(self, item: &OutboxItem) -> Option<Self> {
        let ItemBody::Timer { due, every: Some(every), .. } = &item.body else { return None };
        let number = self.number.checked_add(1)?;
        Some(Self { number, due: at(*due, *every, number)? })
    }

    /// The entry's body.
    pub(crate) const fn timer(self, key: AgendaKey, kind: TimerKind) -> Timer {
        let AgendaKey { process, slot, index } = key;
        Timer { process, slot, index, occurrence: self.number, kind, due: self.due }
    }
}

fn at(due: Timestamp, every: u64, number: u64) -> Option<Timestamp> {
    due.get().checked_add(every.checked_mul(number)?).map(Timestamp::new)
}
