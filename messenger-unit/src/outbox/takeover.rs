//! When who orders or executes a process has changed: what was known of its pairs is in doubt.

use std::time::Duration;

use protocol::{ProcessId, RefusalCode, Slot};

use super::{Outbox, PairKey, pair::State};

impl<P: Clone> Outbox<P> {
    /// Finds out anew who the source or the target of a pair is, at once if this is the first
    /// failure. Receipts that no longer count are fetched anew with their items.
    pub(super) fn look_again(&mut self, now: Duration, key: PairKey, code: RefusalCode) {
        if code == RefusalCode::WrongPolicy {
            self.shed(key);
            self.forget_proofs(key);
        }
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        if pair.failures > 0 {
            return self.wait(now, key, code, None);
        }
        pair.failures = 1;
        pair.renew();
        pair.doubts(code);
        pair.state = State::Unasked;
    }

    /// Learns that slots of a process from one on are void, because its scheduler was lost and
    /// another has taken over. What it emitted in them is let go of, and what comes in their place
    /// is awaited. What was told to it in them is lost: how far it has heard is asked anew.
    pub(crate) fn handle_takeover(&mut self, process: ProcessId, first: Slot) {
        self.progress.rewind(process, first);
        let concerned = |key: &&PairKey| key.source == process || key.target == process;
        let pairs: Vec<_> = self.pairs.keys().filter(concerned).copied().collect();
        for key in pairs {
            if key.source == process {
                self.void(key, first);
            }
            let Some(pair) = self.pairs.get_mut(&key) else { continue };
            // Whoever is being asked, or has something in flight, may answer with what held before.
            pair.disown();
            pair.state = State::Unasked;
            pair.block = pair.block.filter(|_| key.source != process);
            pair.doubtful = true;
            self.advance(key);
        }
    }
}
