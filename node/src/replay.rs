//! Executes logs on this machine, for whoever wants to believe no unit: checks a process from its
//! first slot to its last, finds its state after any slot, and what it would have come to with another
//! module.
//!
//! The log comes from the scheduler, in pages that are read and checked ahead of execution. What is
//! executed hangs on the scheduler's signature in the end; what compute units say of it is compared,
//! never used, but for checkpoints, which save time where somebody is willing to believe one.

mod audit;
mod budget;
mod changes;
mod checkpoints;
mod pages;
mod past;
mod portrait;
mod rules;
mod signatures;
mod subject;
mod visit;
mod what_if;
mod witnesses;

use indicatif::{ProgressBar, ProgressStyle};
use protocol::Slot;

use crate::error::NodeError;

pub(crate) use audit::verify;
pub(crate) use budget::{Budget, Halt};
pub(crate) use changes::{Bytes, Change, bytes, changes, keys};
pub(crate) use past::{Basis, Past, Wanted, reach};
pub(crate) use portrait::{Portrait, Told, portray};
pub(crate) use subject::Subject;
#[cfg(test)]
pub(crate) use visit::Sight;
pub(crate) use visit::{Shift, Visit, visit};
pub(crate) use what_if::{Comparison, Divergence, Supposition, WAITING, suppose};

/// The first slot at which something is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The slot.
    pub(crate) slot: Slot,
    /// What is wrong there, in a sentence without its end.
    pub(crate) what: String,
}

impl Difference {
    pub(crate) fn at(slot: Slot, what: impl ToString) -> Self {
        Self { slot, what: what.to_string() }
    }
}

/// Shows on stderr how far a replay is; nothing where stderr is no terminal.
pub(crate) fn progress() -> Result<ProgressBar, NodeError> {
    let style = "{bar:40} {pos}/{len} slots, {per_sec}, {elapsed}";
    let style = ProgressStyle::with_template(style).map_err(NodeError::system)?;
    Ok(ProgressBar::new(0).with_style(style))
}
