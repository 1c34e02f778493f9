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
            return taken();
        }
        let log = match self.own(&delivery.target()) {
            Ok(log) => log,
            Err(refused) if number > next => return refused,
            Err(refused) => return self.refuse_to_missing_child(pair, number).unwrap_or(refused),
        };
        if number > next {
            return too_early(next);
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

    /// Refuses an item for good, and uses up its number, if its source has spawned its target in vain:
    /// it cannot do so again.
    pub(super) fn refuse_to_missing_child(
        &mut self,
        pair: (ProcessId, ProcessId),
        number: PairNumber,
    ) -> Option<Decision> {
        if self.logs.contains_key(&pair.0) || !self.pairs.contains_key(&pair) {
            return None;
        }
        self.use_pair(pair, number);
        let detail = "the source's spawn of the process was refused for good";
        Some(Decision::Final(Refusal::new(RefusalCode::UnknownProcess, detail)))
    }

    /// Uses up the numbers of a pair up to this one.
    pub(super) fn use_pair(&mut self, pair: (ProcessId, ProcessId), number: PairNumber) {
        let next = number.next().expect("a pair never has 2^64 items");
        let before = self.pairs.insert(pair, next);
        self.undo.push(Undo::Pair(pair, before));
    }
}

/// Refuses what may be there, or another item with its number.
pub(super) fn taken() -> Decision {
    let detail = "the number of the pair is taken by another item";
    Decision::Old(Refusal::new(RefusalCode::PairConflict, detail))
}

/// Refuses until the numbers before have come.
pub(super) fn too_early(next: PairNumber) -> Decision {
    let detail = format!("send number {next} of the pair first");
    Decision::Refused(Refusal::new(RefusalCode::OutOfOrder, detail))
}
