//! One connection, as both of its ends see it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::UnitId;
use simulated_tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::Error;

/// An end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Dialer,
    Listener,
}

/// A break of a link.
#[derive(Debug, Clone, Copy)]
struct Break {
    /// From then on nothing arrives.
    at: Instant,
    /// When the ends find out.
    noticed: [Instant; 2],
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    units: [UnitId; 2],
    broken: Mutex<Option<Break>>,
    changed: watch::Sender<u64>,
}

impl Link {
    pub(crate) fn new(from: UnitId, to: UnitId) -> Self {
        Self { units: [from, to], broken: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// The unit at the other end.
    pub(crate) const fn peer(&self, end: End) -> UnitId {
        let [from, to] = self.units;
        match end {
            End::Dialer => to,
            End::Listener => from,
        }
    }

    pub(crate) fn is_of(&self, unit: UnitId) -> bool {
        self.units.contains(&unit)
    }

    pub(crate) fn is_between(&self, one: UnitId, other: UnitId) -> bool {
        self.is_of(one) && self.is_of(other)
    }

    pub(crate) fn break_off(&self, patience: [Duration; 2]) {
        let now = Instant::now();
        self.lock().get_or_insert(Break { at: now, noticed: patience.map(|wait| now + wait) });
        self.touch();
    }

    /// Both ends know at once.
    pub(crate) fn close(&self) {
        let now = Instant::now();
        *self.lock() = Some(Break { at: now, noticed: [now, now] });
        self.touch();
    }

    /// Wakes whoever waits for something on the link.
    pub(crate) fn touch(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Whether what arrives at a time still does.
    pub(crate) fn carries(&self, at: Instant) -> bool {
        self.lock().is_none_or(|broken| at < broken.at)
    }

    /// When an end finds out that the link is broken.
    pub(crate) fn notice(&self, end: End) -> Option<Instant> {
        self.lock().map(|broken| {
            let [dialer, listener] = broken.noticed;
            if end == End::Dialer { dialer } else { listener }
        })
    }

    /// Whether an end knows that the link is broken.
    pub(crate) fn is_lost(&self, end: End) -> bool {
        self.notice(end).is_some_and(|at| at <= Instant::now())
    }

    /// Completes when an end finds out that the link is broken.
    pub(crate) async fn lost(&self, end: End) -> Error {
        let mut changed = self.changed();
        loop {
            match self.notice(end) {
                Some(at) => {
                    sleep_until(at).await;
                    return lost();
                }
                // The sender is this link's.
                None => drop(changed.changed().await),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Break>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn lost() -> Error {
    Error::Lost { reason: "the simulation says so".to_owned() }
}
