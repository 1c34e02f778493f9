//! What waits, for people.

use std::{cmp::Reverse, time::Duration};

use protocol::{
    ProcessId,
    api::{OutboxPage, WaitingPair, WaitingState},
};

use super::{
    Outbox, PairKey,
    pair::{Pair, State},
};

/// Pairs named at once.
const PAIRS_MAX: usize = 10_000;

/// How urgently people want to know of a pair: whether it is not blocked, whether it does not fail,
/// since when it fails, and how much waits.
type Urgency = (bool, bool, Duration, Reverse<u64>);

impl<P: Clone> Outbox<P> {
    /// The pairs with items that are not acknowledged, all or those of one source: the blocked ones
    /// first, then those that fail by how long they do, then those of which most waits. Looks at
    /// every pair, and at no item behind a pair's first.
    pub(crate) fn page(
        &self,
        now: Duration,
        source: Option<ProcessId>,
        limit: usize,
    ) -> OutboxPage {
        let wanted = |(key, pair): &(&PairKey, &Pair<P>)| {
            source.is_none_or(|source| key.source == source)
                && (!pair.queue.is_empty() || pair.spill.is_some())
        };
        let mut found: Vec<_> =
            self.pairs.iter().filter(wanted).map(|(key, pair)| (urgency(pair), *key)).collect();
        let total = found.len() as u64;
        let limit = limit.min(PAIRS_MAX);
        if limit < found.len() {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        let waiting = |(_, key): (Urgency, PairKey)| describe(now, key, self.pairs.get(&key)?);
        let pairs = found.into_iter().filter_map(waiting).collect();
        OutboxPage { pairs, total, timers: 0 }
    }
}

fn urgency<P>(pair: &Pair<P>) -> Urgency {
    let since = pair.failing.map_or(Duration::MAX, |(since, _)| since);
    (pair.blocked().is_none(), pair.failing.is_none(), since, Reverse(count(pair)))
}

/// How many items wait, as far as is known.
fn count<P>(pair: &Pair<P>) -> u64 {
    let spilled = pair.spill.map_or(0, |spill| {
        let first = pair.next.map_or(spill.number, |next| next.max(spill.number));
        (spill.last.get().saturating_add(1)).saturating_sub(first.get())
    });
    (pair.queue.len() as u64).saturating_add(spilled)
}

fn describe<P>(now: Duration, key: PairKey, pair: &Pair<P>) -> Option<WaitingPair> {
    let front = pair.queue.front();
    let spilled = pair.spill.map(|spill| pair.next.map_or(spill.number, |n| n.max(spill.number)));
    let retrying = |reason, until: Duration| {
        let wait = until.saturating_sub(now).as_millis();
        let retry_in = u64::try_from(wait).unwrap_or(u64::MAX);
        WaitingState::Retrying { reason, retry_in }
    };
    let state = match (pair.blocked(), pair.state, pair.failing) {
        (Some(code), ..) => WaitingState::Blocked(code),
        (None, State::Waiting { until, reason }, _) => retrying(reason, until),
        // It tries just now, and nothing tells that the cause is gone.
        (None, _, Some((_, reason))) => retrying(reason, now),
        (None, _, None) => WaitingState::Moving,
    };
    Some(WaitingPair {
        source: key.source,
        target: key.target,
        number: front.map(|front| front.number).or(spilled)?,
        slot: front.map(|front| front.slot),
        count: count(pair),
        state,
    })
}
