//! The newest outcomes of a process, numbered as they came, with the mark behind each.

use std::{collections::VecDeque, sync::Arc};

use antiphon_client::Mark;
use protocol::Slot;

/// How many outcomes are kept for followers that are slower than others, and how many bytes of them;
/// the newest is kept whatever its size.
pub(super) const KEPT_MAX: usize = 1_024;
pub(super) const KEPT_BYTES_MAX: usize = 512 << 10;

/// One outcome as followers are told of it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) slot: Slot,
    pub(super) data: Arc<str>,
    /// Where whoever has taken it is.
    pub(super) mark: Mark,
}

/// What is kept for a place.
#[derive(Debug)]
pub(super) enum Found {
    /// This outcome.
    Told(Told),
    /// It has not come yet.
    Later,
    /// It is no longer kept.
    Gone,
}

/// The newest outcomes.
#[derive(Debug)]
pub(super) struct Kept {
    /// The number of the oldest.
    first: u64,
    /// Where whoever takes the oldest next is.
    before: Mark,
    told: VecDeque<Told>,
    bytes: usize,
}

impl Kept {
    /// Nothing, behind a mark.
    pub(super) const fn new(before: Mark) -> Self {
        Self { first: 0, before, told: VecDeque::new(), bytes: 0 }
    }

    /// Keeps one more, and gives up the oldest for it; the number of the next.
    pub(super) fn push(&mut self, told: Told) -> u64 {
        self.bytes = self.bytes.saturating_add(told.data.len());
        self.told.push_back(told);
        let too_much = |kept: &Self| kept.told.len() > KEPT_MAX || kept.bytes > KEPT_BYTES_MAX;
        while self.told.len() > 1 && too_much(self) {
            let Some(oldest) = self.told.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.data.len());
            self.before = oldest.mark;
            self.first = self.first.saturating_add(1);
        }
        self.first.saturating_add(u64::try_from(self.told.len()).unwrap_or(u64::MAX))
    }

    /// What has a number.
    pub(super) fn at(&self, number: u64) -> Found {
        let Some(index) = number.checked_sub(self.first) else { return Found::Gone };
        let told = usize::try_from(index).ok().and_then(|index| self.told.get(index));
        told.map_or(Found::Later, |told| Found::Told(told.clone()))
    }

    /// Where whoever has taken all is.
    pub(super) fn end(&self) -> Mark {
        self.told.back().map_or(self.before, |told| told.mark)
    }

    /// The number that whoever is at a mark takes next; of several marks that fit, the newest counts.
    pub(super) fn place_of(&self, fits: impl Fn(&Mark) -> bool) -> Option<u64> {
        let marks = std::iter::once(&self.before).chain(self.told.iter().map(|told| &told.mark));
        let places = (self.first..).zip(marks).filter(|(_, mark)| fits(mark));
        places.last().map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests;
