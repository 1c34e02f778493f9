//! One entry of a log on its way: its place, what came of it, and how far both are shown. Pure.

use std::collections::BTreeMap;

use protocol::{
    Assignment, AssignmentProof, Entry, Hash, Outcome, Timestamp, UnitId,
    api::{Executed, LogRecord},
};

/// An entry that has its place in a log.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// The entry and its place.
    pub(crate) record: LogRecord,
    /// The scheduler's proof of the place, checked; else why there is none.
    pub(crate) proof: Result<AssignmentProof, String>,
    /// What came of it.
    pub(crate) execution: Execution,
}

/// How far a slot is.
#[derive(Debug, Clone)]
pub(crate) enum Execution {
    /// Units state what came of it.
    Done(Box<Agreed>),
    /// No unit that answers has executed it.
    Waiting,
    /// Nobody who could tell answers.
    Unknown(String),
}

/// What most units that answered state of a slot.
#[derive(Debug, Clone)]
pub(crate) struct Agreed {
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// The units whose checked receipts state it.
    pub(crate) units: Vec<UnitId>,
    /// Units that state something else of the same log: one of them at least is at fault.
    pub(crate) against: Vec<UnitId>,
    /// How many units the policy wants to agree.
    pub(crate) quorum: u32,
}

impl Execution {
    /// What the receipts of a slot say together. Receipts of another log, such as that of an epoch
    /// that a takeover made void, say nothing of this one.
    pub(crate) fn of(assignment: &Assignment, answers: Vec<Executed>, quorum: u32) -> Self {
        let mut stated: BTreeMap<Hash, (Outcome, Vec<UnitId>)> = BTreeMap::new();
        for Executed { outcome, receipt } in answers {
            if receipt.leaf.chain != assignment.chain || receipt.leaf.slot != assignment.slot {
                continue;
            }
            let (_, units) = stated.entry(receipt.leaf.outcome).or_insert((outcome, Vec::new()));
            if !units.contains(&receipt.unit()) {
                units.push(receipt.unit());
            }
        }
        // Of equally many the smallest digest, so that every reader takes the same.
        let most = stated.iter().rev().max_by_key(|(_, (_, units))| units.len());
        let Some(digest) = most.map(|(digest, _)| *digest) else { return Self::Waiting };
        let Some((outcome, mut units)) = stated.remove(&digest) else { return Self::Waiting };
        units.sort_unstable();
        let mut against: Vec<UnitId> = stated.into_values().flat_map(|(_, units)| units).collect();
        against.sort_unstable();
        Self::Done(Box::new(Agreed { outcome, units, against, quorum }))
    }

    /// What units state, if they do.
    pub(crate) const fn agreed(&self) -> Option<&Agreed> {
        match self {
            Self::Done(agreed) => Some(agreed),
            Self::Waiting | Self::Unknown(_) => None,
        }
    }
}

impl Hop {
    /// What came of it, if a unit states that.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        Some(&self.execution.agreed()?.outcome)
    }

    /// How much of it was checked: its place by the scheduler's signature, its outcome by receipts.
    pub(crate) fn level(&self) -> String {
        match (self.execution.agreed(), &self.proof) {
            (Some(agreed), _) if agreed.units.len() == 1 => "executed by one".to_owned(),
            (Some(agreed), _) => format!("executed by {}", agreed.units.len()),
            (None, Ok(_)) => "assigned".to_owned(),
            (None, Err(_)) => "not proven".to_owned(),
        }
    }

    /// When its sender wanted it to be assigned at the latest, by the sender's clock and under the
    /// sender's signature. When it was signed stands nowhere.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        match &self.record.entry {
            Entry::Spawn(spawn) => Some(spawn.unverified().expiry),
            Entry::Message(message) => Some(message.unverified().expiry),
            Entry::Control(control) => Some(control.unverified().expiry),
            Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_) | Entry::Answer(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
