//! A log on a disk that fails writes, loses what was not synced and may lose power at any write.
//!
//! What programs see and what would survive are two images. They are equal but after a failed
//! append, until recovery decides what became of it.

use std::sync::{Mutex, MutexGuard};

use crate::store::{LogStore, StoreError};

/// What survives units.
#[derive(Debug, Default)]
pub(super) struct Platter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    live: Vec<Vec<u8>>,
    durable: Vec<Vec<u8>>,
    fault: Option<Fault>,
    /// An append failed, and the log was not opened again.
    broken: bool,
    /// How often opening again fails.
    stuck: u64,
    power_lost: bool,
    /// Appends return before they are durable.
    lies: bool,
}

/// What goes wrong with the next append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails, and nothing was written.
    Refused,
    /// It fails, and everything was written and synced.
    Written,
    /// It fails, and what was written is not synced; it is lost if so said.
    Unsynced { lost: bool },
    /// The power fails, before or after the sync.
    Power { written: bool },
}

impl Platter {
    /// A disk that says of everything that it is durable before it is.
    pub(super) fn lying() -> Self {
        Self(Mutex::new(State { lies: true, ..State::default() }))
    }

    /// Lets the next append go wrong, and opening again fail so often.
    pub(super) fn fail(&self, fault: Fault, stuck: u64) {
        let mut state = self.state();
        (state.fault, state.stuck) = (Some(fault), stuck);
    }

    /// Whether the power failed in the middle of an append.
    pub(super) fn lost_power(&self) -> bool {
        self.state().power_lost
    }

    /// The power was off: what was not synced is gone, and so are the faults to come.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        let State { durable, lies, .. } = std::mem::take(&mut *state);
        *state = State { live: durable.clone(), durable, lies, ..State::default() };
    }

    /// What would survive, from a batch on.
    pub(super) fn durable(&self, from: usize) -> Vec<Vec<u8>> {
        self.state().durable.get(from..).unwrap_or_default().to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn write(&mut self, segment: &[u8], synced: bool) {
        self.live.push(segment.to_vec());
        if synced {
            self.sync();
        }
    }

    fn sync(&mut self) {
        let unsynced = self.live.get(self.durable.len()..).unwrap_or_default();
        self.durable.extend_from_slice(unsynced);
    }
}

fn failed() -> StoreError {
    StoreError::Failed("the simulation says so".to_owned())
}

impl LogStore for Platter {
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.broken {
            return Err(StoreError::Closed);
        }
        assert_eq!(u64::try_from(state.live.len()).unwrap(), number, "batch numbers are dense");
        let Some(fault) = state.fault.take() else {
            let honest = !state.lies;
            state.write(segment, honest);
            return Ok(());
        };
        state.broken = true;
        match fault {
            Fault::Refused => {}
            Fault::Written => state.write(segment, true),
            Fault::Unsynced { lost } => {
                state.write(segment, false);
                if lost {
                    // Gone as soon as anybody looks again.
                    state.live.pop();
                }
            }
            Fault::Power { written } => {
                if written {
                    state.write(segment, true);
                }
                state.power_lost = true;
            }
        }
        Err(failed())
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.power_lost || state.stuck > 0 {
            state.stuck = state.stuck.saturating_sub(1);
            return Err(failed());
        }
        state.broken = false;
        if !state.lies {
            state.sync();
        }
        Ok(())
    }

    fn close(&self) {}

    fn count(&self) -> Result<u64, StoreError> {
        let state = self.state();
        if state.broken { Err(failed()) } else { Ok(u64::try_from(state.live.len()).unwrap()) }
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let state = self.state();
        let segment = usize::try_from(number).ok().and_then(|number| state.live.get(number));
        segment.cloned().ok_or_else(failed)
    }

    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let (state, mut bytes) = (self.state(), 0);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = state.live.iter().skip(from);
        let taken = rest.take_while(|segment| {
            let first = bytes == 0;
            bytes += segment.len();
            first || bytes <= limit_bytes
        });
        Ok(taken.cloned().collect())
    }
}
