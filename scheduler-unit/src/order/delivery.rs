//! Deliveries: exactly in the order of their pair, in constant space for each pair.

use protocol::{EntryId, Refusal, RefusalCode, Timestamp};

use super::{Decision, Order, Undo, check_size, unknown_process};
use crate::verify::Proven;

impl Order {
    pub(super) fn handle_delivery(
        &mut self,
        now: Timestamp,
        delivery: &Proven,
        entry: EntryId,
        size: usize,
    ) -> Decision {
        let Some(log) = self.logs.get(&delivery.target()) else {
            return unknown_process();
        };
        let pair = (delivery.target(), delivery.source());
        let known = self.pairs.get(&pair).copied();
        let (next, number) = (known.unwrap_or_default(), delivery.number());
        if number < next {
            let detail = "the number of the pair is taken by another item";
            return Decision::Old(Refusal::new(RefusalCode::PairConflict, detail));
        }
        if number > next {
            let detail = format!("send number {next} of the pair first");
            return Decision::Refused(Refusal::new(RefusalCode::OutOfOrder, detail));
        }
        if let Err(refused) = check_size(size, log.message_bytes) {
            return refused;
        }
        let assignment = self.assign(now, delivery.target(), entry);
        self.undo.push(Undo::Pair(pair, known));
        self.pairs.insert(pair, next.next().expect("a pair never has 2^64 items"));
        Decision::Assigned(assignment)
    }
}
