//! Who submits: clients with entries of their own, and messengers that carry the same tells.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    Entry, EntryId, PairNumber, Principal, ProcessId, RefusalCode, SecretKey, Signed, Timestamp,
    api::{Submission, SubmitEvent},
};

use super::{checker::Checker, numbers::Numbers};
use crate::fixture::{Teller, key, message_body, spawn_body, submission};

/// Processes that a client spawns at the most.
const SPAWNS_MAX: u64 = 2;

/// How long a client sends an entry that is neither assigned nor refused for good: the process may
/// never be born.
const PATIENCE: u64 = 15_000;

/// A client that sends entries until it knows what became of them.
#[derive(Debug)]
pub(super) struct Client {
    key: SecretKey,
    nonce: u64,
    spawned: u64,
    jobs: BTreeMap<EntryId, Job>,
    tags: BTreeMap<u64, EntryId>,
}

#[derive(Debug)]
struct Job {
    entry: Entry,
    written: Timestamp,
    done: bool,
}

impl Client {
    pub(super) fn new(number: u8) -> Self {
        let (jobs, tags) = (BTreeMap::new(), BTreeMap::new());
        Self { key: key(40 + number), nonce: 0, spawned: 0, jobs, tags }
    }

    /// Writes a new entry: a spawn, or a message to one of the processes there may be.
    pub(super) fn write(
        &mut self,
        numbers: &mut Numbers,
        now: Timestamp,
        processes: &mut Vec<ProcessId>,
    ) -> EntryId {
        self.nonce += 1;
        let sender = Principal::Account(self.key.public().account());
        let expiry = expiry(numbers, now);
        let birth = self.spawned < SPAWNS_MAX && (processes.is_empty() || numbers.chance(20));
        let entry = if birth {
            self.spawned += 1;
            let mut body = spawn_body(self.nonce, now);
            (body.sender, body.controller, body.expiry) = (sender, sender, expiry);
            Entry::Spawn(Signed::sign(body, &self.key))
        } else {
            let unknown = || ProcessId::from_bytes([0xee; 32]);
            let known = processes.get(numbers.index(processes.len().max(1))).copied();
            let mut body = message_body(known.unwrap_or_else(unknown), self.nonce, expiry);
            body.sender = sender;
            Entry::Message(Signed::sign(body, &self.key))
        };
        if birth {
            processes.push(entry.target());
        }
        let id = entry.id();
        self.jobs.insert(id, Job { entry, written: now, done: false });
        id
    }

    /// An entry that was sent before, whatever became of it.
    pub(super) fn any(&self, numbers: &mut Numbers) -> Option<EntryId> {
        self.jobs.keys().nth(numbers.index(self.jobs.len().max(1))).copied()
    }

    /// The entry in a submission of its own.
    pub(super) fn submit(&mut self, tag: u64, entry: EntryId) -> Submission {
        self.tags.insert(tag, entry);
        submission(tag, self.jobs[&entry].entry.clone())
    }

    /// Whether it waits for word of an entry.
    pub(super) fn waits_for(&self, entry: &EntryId) -> bool {
        !self.jobs[entry].done
    }

    /// For how many entries it waits.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.values().filter(|job| !job.done).count()
    }

    /// Learns what became of entries.
    pub(super) fn learn(&mut self, now: Timestamp, event: &SubmitEvent) {
        match event {
            SubmitEvent::Assigned { entries, .. } => {
                for acknowledgement in entries {
                    let id = acknowledgement.assignment.entry;
                    assert_eq!(self.tags.get(&acknowledgement.tag), Some(&id), "told of another");
                    self.jobs.get_mut(&id).unwrap().done = true;
                }
            }
            SubmitEvent::Refused { tag, refusal } => {
                let job = self.jobs.get_mut(&self.tags[tag]).unwrap();
                let late = now > job.written.saturating_add(PATIENCE);
                job.done |= late || !refusal.code.is_retryable();
            }
            SubmitEvent::Final { entries, .. } => {
                for refused in entries {
                    let id = self.tags[&refused.tag];
                    assert_eq!(refused.refusal.entry, id, "told of another");
                    self.jobs.get_mut(&id).unwrap().done = true;
                }
            }
            SubmitEvent::Executed { .. } => panic!("schedulers execute nothing"),
            SubmitEvent::Delivered { .. } => panic!("no link is submitted"),
        }
    }

    /// The entry that a refusal is about, if it was acknowledged to somebody.
    pub(super) fn contradicted(&self, event: &SubmitEvent, checker: &Checker) -> Option<EntryId> {
        let refused: Vec<EntryId> = match event {
            SubmitEvent::Refused { refusal, .. } if refusal.code.is_retryable() => vec![],
            SubmitEvent::Refused { tag, .. } => vec![self.tags[tag]],
            SubmitEvent::Final { entries, .. } => {
                entries.iter().map(|refused| refused.refusal.entry).collect()
            }
            _ => vec![],
        };
        refused.into_iter().find(|entry| checker.acknowledged.contains_key(entry))
    }
}

/// When an entry expires: mostly in a minute, sometimes soon, late or too late.
fn expiry(numbers: &mut Numbers, now: Timestamp) -> Timestamp {
    match numbers.below(20) {
        0 => Timestamp::new(now.get() - 1),
        1..=2 => now.saturating_add(500),
        3 => now.saturating_add(299_000),
        4 => now.saturating_add(400_000),
        _ => now.saturating_add(60_000),
    }
}

/// A messenger that carries all tells of all sources, whatever others do.
#[derive(Debug)]
pub(super) struct Messenger {
    /// What it takes to be the next number of each source and target.
    cursors: BTreeMap<(usize, ProcessId), PairNumber>,
    tags: BTreeMap<u64, (usize, ProcessId)>,
}

impl Messenger {
    pub(super) const fn new() -> Self {
        Self { cursors: BTreeMap::new(), tags: BTreeMap::new() }
    }

    /// The next tells of a pair, mostly in order.
    pub(super) fn carry(
        &mut self,
        numbers: &mut Numbers,
        tags: &mut u64,
        (source, teller): (usize, &Arc<Teller>),
        target: ProcessId,
    ) -> Vec<Submission> {
        let next = self.cursors.entry((source, target)).or_default().get();
        let first = if numbers.chance(10) { next.saturating_sub(1) } else { next };
        let mut submissions = Vec::new();
        for number in first..first + 1 + numbers.below(3) {
            let Some(index) = teller.position(target, PairNumber::new(number)) else { break };
            *tags += 1;
            self.tags.insert(*tags, (source, target));
            submissions.push(match numbers.chance(50) {
                true => teller.delivery(*tags, index),
                false => teller.delivery_without_introduction(*tags, index),
            });
        }
        if numbers.chance(10) {
            submissions.reverse();
        }
        submissions
    }

    /// Learns what became of tells; `next` asks the unit for the number of a pair.
    pub(super) fn learn(
        &mut self,
        event: &SubmitEvent,
        next: impl Fn(usize, ProcessId) -> Option<PairNumber>,
    ) {
        match event {
            SubmitEvent::Assigned { entries, .. } => {
                for acknowledgement in entries {
                    let pair = self.tags[&acknowledgement.tag];
                    let cursor = self.cursors.get_mut(&pair).unwrap();
                    *cursor = next(pair.0, pair.1).unwrap_or(*cursor);
                }
            }
            SubmitEvent::Refused { tag, refusal } => {
                let pair = self.tags[tag];
                if refusal.code == RefusalCode::OutOfOrder {
                    let cursor = self.cursors.get_mut(&pair).unwrap();
                    *cursor = next(pair.0, pair.1).unwrap_or(*cursor);
                }
            }
            SubmitEvent::Final { .. } => panic!("tells are neither late nor too large"),
            SubmitEvent::Executed { .. } => panic!("schedulers execute nothing"),
            SubmitEvent::Delivered { .. } => panic!("no link is submitted"),
        }
    }
}
