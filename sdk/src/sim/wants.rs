//! What a slot may want: limits as compute units hold processes to them.

use std::collections::BTreeSet;

use protocol::{FailureKind, Limits, Spawn, abi::GuestEffect, codec};

/// What is outstanding before a slot, and how much may be.
pub(super) struct Wants {
    limits: Limits,
    /// How many processes may still be spawned.
    children: u32,
    asks: usize,
    timers: BTreeSet<u64>,
}

impl Wants {
    pub(super) fn new<'a>(
        limits: &Limits,
        children: u32,
        asks: usize,
        timers: impl Iterator<Item = &'a u64>,
    ) -> Self {
        Self { limits: *limits, children, asks, timers: timers.copied().collect() }
    }

    /// Checks what a slot wants in addition.
    pub(super) fn check(mut self, effects: &[GuestEffect]) -> Result<(), FailureKind> {
        for effect in effects {
            match effect {
                GuestEffect::Ask { .. } => self.asks += 1,
                GuestEffect::Spawn { spawn, .. } => {
                    let child = codec::decode(spawn).map_err(|_| FailureKind::BadOutput)?;
                    let left = self.children.checked_sub(cost(&child));
                    self.children = left.ok_or(FailureKind::LimitReached)?;
                    self.asks += 1;
                }
                GuestEffect::SetTimer { every: Some(0), .. } => return Err(FailureKind::BadOutput),
                GuestEffect::SetTimer { token, .. } => drop(self.timers.insert(*token)),
                GuestEffect::CancelTimer { token } => drop(self.timers.remove(token)),
                _ => {}
            }
            if is_over(self.asks, self.limits.open_asks)
                || is_over(self.timers.len(), self.limits.timers)
            {
                return Err(FailureKind::LimitReached);
            }
        }
        Ok(())
    }
}

/// How many processes a child takes from the budget of its parent.
pub(super) fn cost(child: &Spawn) -> u32 {
    child.limits.children.unwrap_or(0).saturating_add(1)
}

fn is_over(count: usize, limit: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count > limit)
}
