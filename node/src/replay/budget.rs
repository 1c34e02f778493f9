//! How far and how long a replay may go, and who may end it.

use indicatif::ProgressBar;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::NodeError;

/// What a replay may cost. A slot that has begun is executed to its end, which its gas bounds.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    /// Slots executed at once, from a checkpoint or from the first slot.
    pub(crate) slots: u64,
    /// When it ends at the latest.
    pub(crate) until: Instant,
    /// Ends it when nobody waits for it any more.
    pub(crate) stop: CancellationToken,
}

/// Why a replay ends before the slot that is wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// It cannot go on.
    #[error(transparent)]
    Failed(#[from] NodeError),
    /// That many slots would have to be executed, which is more than the budget has.
    #[error("{0} slots would have to be executed")]
    Far(u64),
    /// The time is over.
    #[error("the replay takes too long")]
    Late,
    /// Nobody waits for it.
    #[error("the replay was stopped")]
    Stopped,
}

impl From<Halt> for NodeError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Failed(error) => error,
            halt => Self::system(halt),
        }
    }
}

/// A replay on its way: shows how far it is, and keeps to a budget if it has one.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    progress: ProgressBar,
    budget: Option<Budget>,
}

impl Pace {
    /// As far and as long as it takes.
    pub(super) const fn free(progress: ProgressBar) -> Self {
        Self { progress, budget: None }
    }

    /// Within a budget, unseen.
    pub(super) fn within(budget: Budget) -> Self {
        Self { progress: ProgressBar::hidden(), budget: Some(budget) }
    }

    /// Whether so many slots may be executed.
    pub(super) fn allows(&self, slots: u64) -> Result<(), Halt> {
        match &self.budget {
            Some(budget) if slots > budget.slots => Err(Halt::Far(slots)),
            _ => self.check(),
        }
    }

    /// Whether the replay may go on.
    pub(super) fn check(&self) -> Result<(), Halt> {
        let Some(budget) = &self.budget else { return Ok(()) };
        if budget.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        if Instant::now() >= budget.until {
            return Err(Halt::Late);
        }
        Ok(())
    }

    /// Begins with so many slots before it.
    pub(super) fn begin(&self, slots: u64) -> Result<(), Halt> {
        self.progress.set_length(slots);
        self.allows(slots)
    }

    /// A slot is executed.
    pub(super) fn done(&self) {
        self.progress.inc(1);
    }

    /// All are.
    pub(super) fn finish(&self) {
        self.progress.finish_and_clear();
    }
}

#[cfg(test)]
mod tests;
