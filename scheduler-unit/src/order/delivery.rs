//! Deliveries: exactly in the order of their pair, in constant space for each pair.

use protocol::{EntryId, PairNumber, ProcessId, Refusal, RefusalCode, Timestamp};

use super::{Decision, Order, Undo, busy, check_size, refuse_stopped};
use crate::verify::Proven;

impl Order {
    pub(super) fn handle_delivery(
        &mut self,
        now: Timestamp,
        delivery: &Proven,
        entry: EntryId,
        size: usize,
    ) -> Decision {
        let pair = (delivery.target(), delivery.source());
        let next = self.next_number(&pair);
        let number = delivery.number();
        // Before the rest, so that what was assigned here is told when the log has moved, too.
        if number < next {
            let detail = "the number of the pair is taken by another item";
            return Decision::Old(Refusal::new(RefusalCode::PairConflict, detail));
        }
        let log = match self.own(&delivery.target()) {
            Ok(log) => log,
            Err(refused) => return refused,
        };
        if number > next {
            let detail = format!("send number {next} of the pair first");
            return Decision::Refused(Refusal::new(RefusalCode::OutOfOrder, detail));
        }
        let mut admitted = check_size(size, log.message_bytes);
        if delivery.is_call() {
            admitted = admitted.and_then(|()| refuse_stopped(log));
            if admitted.is_ok() && log.is_behind() {
                let detail =
                    "as many entries of the process wait for execution as its limit allows";
                return busy(detail);
            }
        }
        // A number that is refused for good is used up: the pair goes on behind it.
        self.use_pair(pair, number);
        match admitted {
            Ok(()) => Decision::Assigned(self.assign(now, delivery.target(), entry)),
            Err(refused) => refused,
        }
    }

    /// The number of a pair of target and source that is accepted next.
    pub(crate) fn next_number(&self, pair: &(ProcessId, ProcessId)) -> PairNumber {
        self.pairs.get(pair).copied().unwrap_or_default()
    }

    /// Uses up the numbers of a pair up to this one.
    pub(super) fn use_pair(&mut self, pair: (ProcessId, ProcessId), number: PairNumber) {
        let next = number.next().expect("a pair never has 2^64 items");
        let before = self.pairs.insert(pair, next);
        self.undo.push(Undo::Pair(pair, before));
    }
}
