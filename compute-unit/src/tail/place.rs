//! Where a log stands.

use std::sync::Arc;

use protocol::{Hash, Position, Ranking, Slot, Source, Timestamp, UnitId};

use super::{lineage::Lineage, moves::Moved};

/// What is known of a log that a tail follows.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) next: Slot,
    pub(super) chain: Hash,
    pub(super) time: Timestamp,
    /// Who the process is at the next slot, once its spawn has come.
    pub(super) lineage: Option<Arc<Lineage>>,
    /// Who it is by what somebody has shown of slots that have not come yet.
    pub(super) newest: Option<Arc<Source>>,
    /// Who executes the process by the newest policy known, once one is.
    pub(super) ranking: Option<Arc<Ranking>>,
    /// Whether this unit does, with the units that are up.
    pub(super) executed: bool,
    pub(super) standing: Standing,
    /// The most changes of the log that were ever known by its slots.
    pub(super) came: usize,
    /// The batch whose final refusals came last, by time and number.
    pub(super) refused: (Timestamp, u64),
}

/// How a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Slots are taken as they come.
    Followed,
    /// The executor has no room for the next slot.
    Behind,
    /// Nobody could tell who the source of the next delivery is.
    Undecided,
    /// Another scheduler orders the log, and this one goes on as if it did.
    Superseded,
    /// The scheduler broke a rule in this log: nothing more of it is believed.
    Broken,
}

/// Where a log stood before a slot.
#[derive(Debug, Clone)]
pub(crate) struct Before(pub(super) Place);

impl Place {
    /// Before slot 0.
    pub(super) const START: Self = Self {
        next: Slot::ZERO,
        chain: Hash::ZERO,
        time: Timestamp::ZERO,
        lineage: None,
        newest: None,
        ranking: None,
        executed: false,
        standing: Standing::Followed,
        came: 0,
        refused: (Timestamp::ZERO, 0),
    };

    /// Goes back, or on, to behind a slot; to the start if there is none.
    pub(super) fn stand_behind(&mut self, position: Option<Position>) {
        let start = (Slot::ZERO, Hash::ZERO, Timestamp::ZERO);
        (self.next, self.chain, self.time) = position.map_or(start, |position| {
            let next = position.slot.next().unwrap_or(position.slot);
            (next, position.chain, position.time)
        });
        let last = position.map(|position| position.slot);
        if let Some(lineage) = &mut self.lineage
            && lineage.changes().last().is_some_and(|changed| Some(changed.slot) > last)
        {
            let known = Arc::clone(lineage.source());
            Arc::make_mut(lineage).back_to(last);
            // Who executes stays as it was known.
            self.newest.get_or_insert(known);
        }
    }

    /// How many changes of the log are known by its slots.
    pub(super) fn changes(&self) -> usize {
        self.lineage.as_ref().map_or(0, |lineage| lineage.source().changes())
    }

    /// Whose policy tells who executes: the newest known.
    pub(super) fn ranked_by(&self) -> Option<&Arc<Source>> {
        let own = self.lineage.as_ref().map(|lineage| lineage.source());
        match (&self.newest, own) {
            (Some(newest), Some(own)) if newest.changes() <= own.changes() => Some(own),
            (Some(newest), _) => Some(newest),
            (None, own) => own,
        }
    }

    /// Whether its next slot would be void: another scheduler has taken over from this one before it.
    pub(super) fn is_void(&self, moved: Option<Moved>, scheduler: UnitId) -> bool {
        let (Some(moved), Some(lineage)) = (moved, &self.lineage) else { return false };
        let (known, epoch) = (moved.lineage.source(), lineage.source().epoch());
        known.scheduler() != scheduler
            && epoch < known.epoch()
            && known.changes() > self.changes()
            && known.scheduler_of(epoch, self.next) != Some(scheduler)
    }

    /// Whether nothing of the log is wanted from this scheduler.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Superseded | Standing::Broken)
    }
}
