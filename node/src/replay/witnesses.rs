//! What the units of a policy signed about the slots of a log.

use antiphon_client::ClientError;
use futures::future::join_all;
use protocol::{ProcessId, Receipt, Slot, UnitId};

use super::{Difference, subject::Subject};
use crate::output::note;

/// After how many slots a unit is asked again that had nothing, at first.
const STEP: u64 = 1_024;

/// After how many at the most.
const STEP_MAX: u64 = 65_536;

/// The units of a policy, asked one piece of the log after the other.
#[derive(Debug)]
pub(super) struct Witnesses(Vec<Witness>);

#[derive(Debug)]
struct Witness {
    unit: UnitId,
    /// The slot from which on it is worth asking; none if the unit cannot be asked.
    from: Option<Slot>,
    /// How far ahead that is put if the unit has nothing.
    step: u64,
}

/// What one unit signed about slots of a piece, in their order.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    /// Its receipts, without a gap.
    pub(super) receipts: Vec<Receipt>,
    /// Where what it said does not even hold by itself.
    pub(super) broken: Option<Difference>,
}

impl Witnesses {
    /// The known units of the policy of a process.
    pub(super) fn of(subject: &Subject) -> Self {
        let known = subject.units();
        for unit in &subject.described.source.policy().units {
            if !known.contains(unit) {
                note(&format!("warning: {unit} is not known; what it signed is not compared"));
            }
        }
        let witness = |unit| Witness { unit, from: Some(Slot::ZERO), step: STEP };
        Self(known.into_iter().map(witness).collect())
    }

    /// What each of them signed about the slots of a piece, both ends included.
    pub(super) async fn ask(&mut self, subject: &Subject, piece: (Slot, Slot)) -> Vec<Testimony> {
        join_all(self.0.iter_mut().map(|witness| witness.ask(subject, piece))).await
    }
}

impl Witness {
    async fn ask(&mut self, subject: &Subject, (first, last): (Slot, Slot)) -> Testimony {
        let mut testimony = Testimony::default();
        let mut next = Some(self.from.map_or(first, |from| from.max(first)));
        while let Some(slot) = next.filter(|slot| *slot <= last) {
            if self.from.is_none_or(|from| from > last) {
                break;
            }
            let limit = last.get().saturating_sub(slot.get()).saturating_add(1);
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let page = subject.client.outcomes_of(self.unit, subject.process, slot, limit).await;
            match page {
                Ok(page) if page.executed.is_empty() => {
                    self.from = Some(Slot::new(slot.get().saturating_add(self.step)));
                    self.step = self.step.saturating_mul(2).min(STEP_MAX);
                }
                Ok(page) => {
                    self.step = STEP;
                    next = page.executed.last().and_then(|executed| executed.outcome.slot.next());
                    testimony.receipts.extend(page.executed.into_iter().map(|item| item.receipt));
                }
                Err(ClientError::Unverified { what }) => {
                    let what = format!("what {} says does not hold: {what}", self.unit);
                    testimony.broken = Some(Difference::at(slot, what));
                    self.from = None;
                }
                Err(error) => {
                    self.leave_out(subject.process, slot, &error);
                    self.from = None;
                }
            }
        }
        testimony
    }

    fn leave_out(&self, process: ProcessId, slot: Slot, error: &ClientError) {
        tracing::debug!(%process, unit = %self.unit, %error, "a unit is not compared");
        note(&format!(
            "warning: what {} signed from slot {slot} on is not compared: {error}",
            self.unit
        ));
    }
}

impl Testimony {
    /// The receipts of a slot, if there are any.
    pub(super) fn of(&self, slot: Slot) -> Option<&Receipt> {
        let first = self.receipts.first()?.leaf.slot;
        let index = slot.get().checked_sub(first.get())?;
        self.receipts.get(usize::try_from(index).ok()?)
    }

    /// What does not hold of a slot.
    pub(super) fn broken_at(&self, slot: Slot) -> Option<&Difference> {
        self.broken.as_ref().filter(|difference| difference.slot == slot)
    }
}
