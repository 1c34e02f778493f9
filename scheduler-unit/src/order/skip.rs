//! Skips: the source's own word that numbers of a pair will never come.

use protocol::{EntryId, Refusal, RefusalCode, Timestamp};

use super::{Decision, Order};
use crate::verify::Proven;

impl Order {
    /// The number of a skip is the last that it passes over.
    pub(super) fn handle_skip(
        &mut self,
        now: Timestamp,
        skip: &Proven,
        entry: EntryId,
    ) -> Decision {
        let pair = (skip.target(), skip.source());
        if skip.number() < self.next_number(&pair) {
            let detail = "the numbers of the pair have come, or were passed over, already";
            return Decision::Old(Refusal::new(RefusalCode::PairConflict, detail));
        }
        if let Err(refused) = self.own(&skip.target()) {
            return self.refuse_to_missing_child(pair, skip.number()).unwrap_or(refused);
        }
        self.use_pair(pair, skip.number());
        Decision::Assigned(self.assign(now, skip.target(), entry))
    }
}
