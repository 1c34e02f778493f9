//! The gas of a call, handed out by the slice: what lets a long call pause now and then.
//!
//! # Invariants
//!
//! - How the gas of a call is cut shows in nothing that the call gives: not in its result, its gas
//!   or the state.
//! - Between two slices the guest executes nothing.

use std::sync::Arc;

use super::{Fault, HostFault, machine::Stop};

/// Gas in a slice, which takes a millisecond at the most, about. No part of the profile.
const SLICE_GAS: i64 = 2_000_000;

/// What a call does between two slices, on the thread that executes it.
pub trait Pause: Send + Sync {
    /// Comes back when the call may go on.
    ///
    /// # Errors
    ///
    /// If the call is to end without an outcome.
    fn pause(&self) -> Result<(), Stopped>;
}

/// The unit stops: calls end without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the unit stops")]
pub struct Stopped;

/// The gas of a call that the guest has not been given yet.
pub(super) struct Slices {
    /// Gas in a slice, not zero.
    size: i64,
    reserve: i64,
    pause: Option<Arc<dyn Pause>>,
    /// What ended the call between two slices.
    ended: Option<Stop>,
}

impl Default for Slices {
    fn default() -> Self {
        Self { size: SLICE_GAS, reserve: 0, pause: None, ended: None }
    }
}

impl Slices {
    /// Begins a call, and gives its first slice.
    pub(super) fn begin(&mut self, limit: i64) -> i64 {
        let first = limit.min(self.size);
        self.reserve = limit.saturating_sub(first);
        self.ended = None;
        first
    }

    /// The gas to go on with for a guest that has less than none: so many slices that it has some.
    pub(super) fn next(&mut self, gas: i64) -> Result<i64, Stop> {
        let next = self.take(gas.saturating_neg()).and_then(|next| match &self.pause {
            Some(pause) => {
                pause.pause().map(|()| next).map_err(|Stopped| HostFault::Stopped.into())
            }
            None => Ok(next),
        });
        self.ended = next.err();
        next
    }

    /// Takes whole slices that cover what is owed; gives what is left of them.
    fn take(&mut self, owed: i64) -> Result<i64, Stop> {
        if owed > self.reserve {
            return Err(Fault::OutOfGas.into());
        }
        let rest = owed.checked_rem(self.size).unwrap_or(0);
        let more = if rest == 0 { 0 } else { self.size.saturating_sub(rest) };
        let taken = owed.saturating_add(more).min(self.reserve);
        self.reserve = self.reserve.saturating_sub(taken);
        Ok(taken.saturating_sub(owed))
    }

    /// The gas of the call that is left where the guest has so much of it.
    pub(super) fn left(&self, gas: i64) -> u64 {
        u64::try_from(gas.saturating_add(self.reserve)).unwrap_or(0)
    }

    /// What ended the last call between two slices, if that is where it ended.
    pub(super) const fn ended(&self) -> Option<Stop> {
        self.ended
    }

    /// Has calls pause between their slices from now on, or not.
    pub(super) fn set_pause(&mut self, pause: Option<Arc<dyn Pause>>) {
        self.pause = pause;
    }

    /// What calls do between their slices.
    pub(super) fn pause(&self) -> Option<Arc<dyn Pause>> {
        self.pause.clone()
    }

    /// Cuts calls into slices of another size from now on.
    #[cfg(test)]
    pub(super) fn set_size(&mut self, gas: i64) {
        assert!(gas > 0, "a slice is not empty");
        self.size = gas;
    }
}

#[cfg(test)]
mod tests;
