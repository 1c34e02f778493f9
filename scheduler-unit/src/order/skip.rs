//! Skips: the source's own word that a number of a pair will never come.

use protocol::{EntryId, Refusal, RefusalCode, Timestamp};

use super::{Decision, Order, delivery::too_early};
use crate::verify::Proven;

impl Order {
    /// A skip takes the place of one item, in its turn: those before it may be waited for.
    pub(super) fn handle_skip(
        &mut self,
        now: Timestamp,
        skip: &Proven,
        entry: EntryId,
    ) -> Decision {
        let pair = (skip.target(), skip.source());
        let (next, number) = (self.next_number(&pair), skip.number());
        if number < next {
            let detail = "the number of the pair has come, or was passed over, already";
            return Decision::Old(Refusal::new(RefusalCode::PairConflict, detail));
        }
        match self.own(&skip.target()) {
            Err(refused) if number > next => return refused,
            Err(refused) => return self.refuse_to_missing_child(pair, number).unwrap_or(refused),
            Ok(_) if number > next => return too_early(next),
            Ok(_) => {}
        }
        self.use_pair(pair, number);
        Decision::Assigned(self.assign(now, skip.target(), entry))
    }
}
