//! What the order of logs promises, in the plainest words: lists, and nothing that is ever forgotten.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Assignment, EntryId, Hash, ProcessId, Refusal, RefusalCode, Slot, Timestamp};

use crate::order::{Decision, EXPIRY_WINDOW, Place};

/// What was assigned, and since when.
#[derive(Debug, Default, Clone)]
pub(super) struct Model {
    logs: BTreeMap<ProcessId, Vec<Assignment>>,
    /// The place of every entry that has one.
    places: BTreeMap<EntryId, Place>,
    /// How many items of a pair of target and source were assigned.
    pairs: BTreeMap<(ProcessId, ProcessId), u64>,
    /// Messages that were assigned before the last restart: the index knows them, the order does
    /// not.
    before: BTreeSet<EntryId>,
}

impl Model {
    pub(super) fn has(&self, process: &ProcessId) -> bool {
        self.logs.contains_key(process)
    }

    /// Whether an entry was assigned before the last restart.
    pub(super) fn is_from_before(&self, entry: &EntryId) -> bool {
        self.before.contains(entry)
    }

    pub(super) fn restart(&mut self) {
        self.before = self.places.keys().copied().collect();
    }

    pub(super) fn next_number(&self, target: ProcessId, source: ProcessId) -> u64 {
        self.pairs.get(&(target, source)).copied().unwrap_or_default()
    }

    pub(super) fn count_delivery(&mut self, target: ProcessId, source: ProcessId) {
        *self.pairs.entry((target, source)).or_default() += 1;
    }

    /// Logs and pairs, as they would be read back from a store.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&ProcessId, &Assignment)> {
        self.logs.iter().filter_map(|(process, log)| Some((process, log.last()?)))
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = ((ProcessId, ProcessId), u64)> {
        self.pairs.iter().map(|(pair, next)| (*pair, *next))
    }

    /// Checks the decision about a spawn or a message. An expired duplicate may be forgotten.
    pub(super) fn check_signed(
        &mut self,
        now: Timestamp,
        entry: EntryId,
        expiry: Timestamp,
        decision: &Decision,
    ) {
        let known = self.places.get(&entry).copied();
        match (known, decision) {
            (Some(place), Decision::Duplicate(found)) => assert_eq!(*found, place),
            (Some(_), Decision::Old(refusal)) => {
                assert!(expiry < now, "an entry that could come again is forgotten");
                assert_eq!(refusal.code, RefusalCode::Expired);
            }
            (None, Decision::Old(refusal) | Decision::Final(refusal)) => {
                assert!(expiry < now);
                assert_eq!(refusal.code, RefusalCode::Expired);
            }
            (None, Decision::Refused(Refusal { code: RefusalCode::ExpiryTooFar, .. })) => {
                assert!(expiry.get() > now.get() + EXPIRY_WINDOW);
            }
            (None, Decision::Assigned(assignment)) => {
                assert!(expiry >= now && expiry.get() <= now.get() + EXPIRY_WINDOW);
                self.check_assignment(now, entry, assignment);
            }
            (known, decision) => panic!("{decision:?} about an entry that has {known:?}"),
        }
    }

    /// Checks the decision about a delivery.
    pub(super) fn check_delivery(
        &mut self,
        now: Timestamp,
        entry: EntryId,
        pair: (ProcessId, ProcessId),
        number: u64,
        decision: &Decision,
    ) {
        let next = self.next_number(pair.0, pair.1);
        match decision {
            Decision::Old(refusal) => {
                assert!(number < next);
                assert_eq!(refusal.code, RefusalCode::PairConflict);
            }
            Decision::Refused(refusal) => {
                assert!(number > next);
                assert_eq!(refusal.code, RefusalCode::OutOfOrder);
            }
            Decision::Assigned(assignment) => {
                assert_eq!(number, next);
                self.count_delivery(pair.0, pair.1);
                self.check_assignment(now, entry, assignment);
            }
            Decision::Final(refusal) => panic!("nothing refuses it for good: {refusal}"),
            Decision::Duplicate(place) => panic!("the index tells duplicates, not {place:?}"),
        }
    }

    /// Checks a new assignment: dense, chained, later than the one before, of a new entry.
    fn check_assignment(&mut self, now: Timestamp, entry: EntryId, assignment: &Assignment) {
        let log = self.logs.entry(assignment.process).or_default();
        let slot = u64::try_from(log.len()).expect("logs are short");
        assert_eq!((assignment.slot, assignment.entry), (Slot::new(slot), entry));
        let (chain, time) =
            log.last().map_or((Hash::ZERO, Timestamp::ZERO), |last| (last.chain, last.time));
        assert!(assignment.follows(&chain));
        assert_eq!(assignment.time, now.max(time));
        log.push(*assignment);
        let place = Place { process: assignment.process, slot: assignment.slot };
        assert_eq!(self.places.insert(entry, place), None, "an entry has two places");
    }
}
