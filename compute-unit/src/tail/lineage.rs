//! Who has ordered, executed and controlled a log, as far as it has been read.

use std::sync::Arc;

use protocol::{Control, ControlAction, Epoch, Hash, Position, Signed, Slot, Source, UnitId};

/// The source of a log at a slot, and the controls that made it so. Cheap to go back in.
#[derive(Debug, Clone)]
pub(crate) struct Lineage {
    born: Arc<Source>,
    /// The controls that ended or opened an epoch, one for each epoch after the first.
    changes: Vec<Changed>,
    source: Arc<Source>,
}

/// A control that ended or opened an epoch.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    /// Where it stands.
    pub(crate) slot: Slot,
    /// The control.
    pub(crate) control: Arc<Signed<Control>>,
}

impl Lineage {
    /// That of a process that is just born.
    pub(crate) fn born(source: Arc<Source>) -> Self {
        Self { born: Arc::clone(&source), changes: Vec::new(), source }
    }

    /// Who the process is.
    pub(crate) const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The controls, in order.
    pub(crate) fn changes(&self) -> &[Changed] {
        &self.changes
    }

    /// Whether the present epoch was opened by a takeover.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.changes.last().is_some_and(|changed| {
            matches!(changed.control.unverified().action, ControlAction::Takeover { .. })
        })
    }

    /// The control that ended an epoch whose end its own scheduler has sealed.
    pub(crate) fn seal_of(&self, epoch: Epoch) -> Option<&Changed> {
        let changed = self.changes.get(usize::try_from(epoch.get()).ok()?)?;
        let action = &changed.control.unverified().action;
        (!matches!(action, ControlAction::Takeover { .. })).then_some(changed)
    }

    /// The last slots that count before each takeover, and their chain hashes.
    pub(crate) fn takeovers(&self) -> impl Iterator<Item = (Slot, Hash)> {
        self.changes.iter().filter_map(|changed| match &changed.control.unverified().action {
            ControlAction::Takeover { slot, chain, .. } => Some((*slot, *chain)),
            _ => None,
        })
    }

    /// The newest control that gave the log to another scheduler: its slot, and who the process was
    /// then.
    pub(crate) fn last_move(&self) -> Option<(Self, Slot)> {
        let mut after = self.clone();
        while let Some(slot) = after.changes.last().map(|changed| changed.slot) {
            let mut before = after.clone();
            before.back_to(slot.get().checked_sub(1).map(Slot::new));
            if before.source.scheduler() != after.source.scheduler() {
                return Some((after, slot));
            }
            after = before;
        }
        None
    }

    /// All schedulers that it names, each once.
    pub(crate) fn schedulers(&self) -> Vec<UnitId> {
        let named =
            self.changes.iter().filter_map(|changed| match &changed.control.unverified().action {
                ControlAction::Move(next) => Some(*next),
                ControlAction::Takeover { scheduler, .. } => Some(*scheduler),
                _ => None,
            });
        let mut all: Vec<UnitId> = std::iter::once(self.born.scheduler()).chain(named).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether it is of the log that has this position.
    pub(crate) fn leads_to(&self, position: &Position) -> bool {
        let source = &self.source;
        source.scheduler_of(position.epoch, position.slot).is_some()
    }

    /// Goes on to the next epoch. The caller has checked that the control may stand in this slot.
    pub(crate) fn advance(&mut self, control: Arc<Signed<Control>>, slot: Slot) {
        Arc::make_mut(&mut self.source).advance(control.unverified(), slot);
        self.changes.push(Changed { slot, control });
    }

    /// Goes back to what was known after a slot; none is before slot 0.
    pub(crate) fn back_to(&mut self, slot: Option<Slot>) {
        let kept = self.changes.iter().take_while(|changed| Some(changed.slot) <= slot).count();
        if kept == self.changes.len() {
            return;
        }
        self.changes.truncate(kept);
        let mut source = (*self.born).clone();
        for changed in &self.changes {
            source.advance(changed.control.unverified(), changed.slot);
        }
        self.source = Arc::new(source);
    }
}
