//! Pairs that wait to ask for something: each source in turn, so that one that tells things to many
//! targets delays nobody else.

use std::collections::{HashMap, VecDeque};

use protocol::ProcessId;

use super::PairKey;

/// The queues of all sources.
#[derive(Debug, Default)]
pub(super) struct Inquirers {
    /// Sources with a queue, in turn.
    turns: VecDeque<ProcessId>,
    queues: HashMap<ProcessId, VecDeque<PairKey>>,
}

impl Inquirers {
    /// Lets a pair wait behind those of the same source.
    pub(super) fn push(&mut self, key: PairKey) {
        let queue = self.queues.entry(key.source).or_default();
        if queue.is_empty() {
            self.turns.push_back(key.source);
        }
        queue.push_back(key);
    }

    /// Takes the pair whose turn it is.
    pub(super) fn pop(&mut self) -> Option<PairKey> {
        let source = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&source)?;
        let key = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        key
    }
}
