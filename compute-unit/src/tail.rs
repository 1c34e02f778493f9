//! Follows the logs of one scheduler: checks every batch and hands checked slots to the executor.
//!
//! # Invariants
//!
//! - Nothing is executed that does not stand under a verified batch signature of the scheduler, in
//!   its place in an unbroken chain.
//! - Client signatures and proofs of origin are checked here again, unless the scheduler is of the
//!   same operator.
//! - What cannot be taken or judged at the moment holds up its own log only: it comes again on a
//!   later stream.
//! - A log that is left to another unit stays where it is, in step with the executor, and goes on
//!   from there when its turn comes again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use protocol::{
    Delivery, Entry, Hash, MerkleTree, NetworkId, OriginProof, Position, ProcessId, Provenance,
    PublicKey, Ranking, Slot, Source, Spawn, Timestamp, UnitId, UnitSet,
    api::{Cursor, TailFrame, TailRecord},
    codec,
};

/// What is known of a log that this tail follows.
#[derive(Debug, Clone)]
struct Place {
    next: Slot,
    chain: Hash,
    time: Timestamp,
    /// Who executes the process, once its spawn has come.
    ranking: Option<Arc<Ranking>>,
    /// Whether this unit does, with the units that are up.
    executed: bool,
    standing: Standing,
}

impl Place {
    fn stand_behind(&mut self, position: Option<Position>) {
        let start = (Slot::ZERO, Hash::ZERO, Timestamp::ZERO);
        (self.next, self.chain, self.time) = position.map_or(start, |position| {
            let next = position.slot.next().unwrap_or(position.slot);
            (next, position.chain, position.time)
        });
    }

    /// Before slot 0.
    const START: Self = Self {
        next: Slot::ZERO,
        chain: Hash::ZERO,
        time: Timestamp::ZERO,
        ranking: None,
        executed: false,
        standing: Standing::Followed,
    };
}

/// How a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Slots are taken as they come.
    Followed,
    /// The executor has no room for the next slot.
    Behind,
    /// Nobody could tell who the source of the next delivery is.
    Undecided,
    /// The scheduler broke a rule in this log: nothing more of it is believed.
    Broken,
}

/// Where a log stood before a slot.
#[derive(Debug, Clone)]
pub(crate) struct Before(Place);

/// The state of following one scheduler, across streams. Pure.
#[derive(Debug)]
pub(crate) struct Tail {
    unit: UnitId,
    scheduler: UnitId,
    network: NetworkId,
    trusted: bool,
    /// The other compute units that are up; all if it is not known.
    present: Option<UnitSet>,
    places: HashMap<ProcessId, Place>,
    /// The rankings of all places, each kept once.
    rankings: HashSet<Arc<Ranking>>,
    sources: HashMap<ProcessId, Source>,
}

/// Why a frame is not believed. The stream is closed and opened again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TailError {
    /// The frame is not of the protocol.
    #[error("{0}")]
    Malformed(#[from] codec::DecodeError),
    /// The batch is not properly signed by the scheduler.
    #[error("the batch is not signed by the scheduler: {0}")]
    Signature(#[from] protocol::VerifyError),
    /// The leaves are not those of the signed root.
    #[error("the leaves are not those of the signed batch")]
    Leaves,
}

/// A slot that passed all checks.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The slot.
    pub(crate) record: TailRecord,
    /// What stands there.
    pub(crate) entry: Entry,
    /// Where to return to if the slot is not taken.
    pub(crate) before: Before,
}

/// A batch whose signature holds.
#[derive(Debug)]
pub(crate) struct CheckedBatch {
    /// The signed header.
    pub(crate) header: protocol::Signed<protocol::BatchHeader>,
    /// The tree of its leaves.
    pub(crate) tree: MerkleTree,
    /// The slots to execute, in order.
    pub(crate) slots: Vec<Checked>,
    /// A log of which slots are missing: the stream must be opened again.
    pub(crate) gap: Option<ProcessId>,
}

impl Tail {
    /// Follows a scheduler from the start. `trusted` says that its operator is this unit's.
    pub(crate) fn new(unit: UnitId, scheduler: UnitId, network: NetworkId, trusted: bool) -> Self {
        Self {
            unit,
            scheduler,
            network,
            trusted,
            present: None,
            places: HashMap::new(),
            rankings: HashSet::new(),
            sources: HashMap::new(),
        }
    }

    /// Learns which other compute units are up. Tells of which processes, of those that this unit
    /// has executed, it changes whether this unit goes on with them.
    pub(crate) fn set_present(&mut self, present: Option<UnitSet>) -> Vec<(ProcessId, bool)> {
        self.present = present;
        let mut changed = Vec::new();
        self.places.iter_mut().for_each(|(process, place)| {
            let Some(ranking) = &place.ranking else { return };
            let executed = ranking.executes(&self.unit, self.present.as_ref());
            if executed != place.executed && place.next > Slot::ZERO {
                changed.push((*process, executed));
            }
            place.executed = executed;
        });
        changed
    }

    /// Where a new stream shall resume, at most this many logs; all others come from slot 0 again.
    /// What nobody could judge is tried again.
    pub(crate) fn resume(&mut self, most: usize) -> Vec<Cursor> {
        self.places.values_mut().for_each(|place| {
            if place.standing == Standing::Undecided {
                place.standing = Standing::Followed;
            }
        });
        let cursor = |(process, place): (&ProcessId, &Place)| Cursor {
            process: *process,
            slot: match place.standing {
                Standing::Followed | Standing::Undecided => place.next,
                Standing::Behind | Standing::Broken => Slot::new(u64::MAX),
            },
        };
        // Of the rest the scheduler sends nothing.
        let is_due = |(_, place): &(&ProcessId, &Place)| {
            place.executed || place.standing == Standing::Broken
        };
        let mut cursors: Vec<Cursor> = self.places.iter().filter(is_due).map(cursor).collect();
        if cursors.len() > most {
            // The longest logs would cost most.
            cursors.sort_unstable_by_key(|cursor| std::cmp::Reverse(cursor.slot));
            cursors.truncate(most);
        }
        cursors.sort_unstable_by_key(|cursor| cursor.process);
        cursors
    }

    /// Returns a log to where it was before a slot for which there is no room, and takes nothing
    /// more of it until [`Self::catch_up`].
    pub(crate) fn fall_behind(&mut self, process: ProcessId, before: Before) {
        self.places.insert(process, Place { standing: Standing::Behind, ..before.0 });
    }

    /// Whether this tail follows a log.
    pub(crate) fn follows(&self, process: &ProcessId) -> bool {
        self.places.contains_key(process)
    }

    /// Lets the next stream bring what stands behind a position in a log; all of it if there is
    /// none.
    pub(crate) fn rewind(&mut self, process: &ProcessId, to: Option<Position>) {
        if let Some(place) = self.places.get_mut(process)
            && place.standing != Standing::Broken
        {
            place.standing = Standing::Followed;
            place.stand_behind(to);
        }
    }

    /// Learns that this unit has executed a process up to a position before.
    pub(crate) fn resume_at(&mut self, process: ProcessId, spawn: &Spawn, position: Position) {
        let mut place = self.rank(spawn.policy.ranking(&process));
        place.stand_behind(Some(position));
        self.places.insert(process, place);
    }

    /// The logs that are behind.
    pub(crate) fn behind(&self) -> impl Iterator<Item = ProcessId> {
        let behind = |(process, place): (&ProcessId, &Place)| {
            (place.executed && place.standing == Standing::Behind).then_some(*process)
        };
        self.places.iter().filter_map(behind)
    }

    /// Lets the next stream bring what was not taken of a log.
    pub(crate) fn catch_up(&mut self, process: &ProcessId) {
        if let Some(place) = self.places.get_mut(process)
            && place.standing == Standing::Behind
        {
            place.standing = Standing::Followed;
        }
    }

    /// Whether something must be judged again.
    pub(crate) fn is_undecided(&self) -> bool {
        self.places.values().any(|place| place.standing == Standing::Undecided)
    }

    /// Checks a frame and gives the slots that are new and executed here.
    pub(crate) fn handle_frame(&mut self, bytes: &[u8]) -> Result<CheckedBatch, TailError> {
        let frame: TailFrame = codec::decode(bytes)?;
        let header = frame.batch.unverified();
        let tree = MerkleTree::new(frame.leaves.clone());
        let counted = u32::try_from(frame.leaves.len()) == Ok(header.count);
        if header.scheduler != self.scheduler || !counted || tree.root() != header.root {
            return Err(TailError::Leaves);
        }
        let digest = frame.batch.digest();
        frame.batch.verify_by(self.network, &digest, PublicKey::verifies)?;
        let is_leaf = |record: &TailRecord| {
            let leaf = usize::try_from(record.index).ok().and_then(|at| frame.leaves.get(at));
            leaf == Some(&record.assignment.leaf())
        };
        if !frame.records.iter().all(is_leaf) {
            return Err(TailError::Leaves);
        }
        let mut slots = Vec::with_capacity(frame.records.len());
        let mut gap = None;
        for record in frame.records {
            let process = record.assignment.process;
            if self.misses(&record) {
                gap = Some(process);
            } else {
                slots.extend(self.handle_record(record));
            }
        }
        Ok(CheckedBatch { header: frame.batch, tree, slots, gap })
    }

    /// The sources of deliveries in a frame that must be learned before it is handled.
    pub(crate) fn unknown_sources(&self, bytes: &[u8]) -> Result<Vec<ProcessId>, TailError> {
        if self.trusted {
            return Ok(Vec::new());
        }
        let frame: TailFrame = codec::decode(bytes)?;
        let unknown = frame.records.iter().filter_map(|record| self.unknown_source(record));
        let mut sources: Vec<ProcessId> = unknown.collect();
        sources.sort_unstable();
        sources.dedup();
        Ok(sources)
    }

    /// Learns who a process is.
    pub(crate) fn learn(&mut self, process: ProcessId, provenance: &Provenance) {
        if let Ok(source) = provenance.source(&process, self.network) {
            self.sources.insert(process, source);
        }
    }

    /// The source of a delivery that is neither known nor introduced.
    fn unknown_source(&self, record: &TailRecord) -> Option<ProcessId> {
        let origin: OriginProof = codec::decode(record.origin.as_ref()?).ok()?;
        let Ok(Entry::Delivery(delivery)) = codec::decode(&record.entry) else { return None };
        let unknown = !self.sources.contains_key(&delivery.source);
        (unknown && origin.introduction.is_none()).then_some(delivery.source)
    }

    /// Whether slots are missing before this one.
    fn misses(&self, record: &TailRecord) -> bool {
        match self.places.get(&record.assignment.process) {
            Some(place) if place.standing != Standing::Followed || !place.executed => false,
            place => record.assignment.slot > place.map_or(Slot::ZERO, |place| place.next),
        }
    }

    fn handle_record(&mut self, record: TailRecord) -> Option<Checked> {
        let assignment = record.assignment;
        let process = assignment.process;
        let place = self.places.get(&process).cloned().unwrap_or(Place::START);
        let left_to_others = place.ranking.is_some() && !place.executed;
        if assignment.slot < place.next || place.standing != Standing::Followed || left_to_others {
            return None;
        }
        if !self.trusted && self.unknown_source(&record).is_some() {
            self.places.insert(process, Place { standing: Standing::Undecided, ..place });
            return None;
        }
        let entry = codec::decode::<Entry>(&record.entry);
        let fault = match &entry {
            _ if !assignment.follows(&place.chain) => Some("the chain hash does not follow"),
            _ if assignment.time < place.time => Some("the time goes back"),
            Err(_) => Some("an entry is not of the protocol"),
            Ok(entry) if entry.id() != assignment.entry => Some("an entry has another id"),
            Ok(entry) if entry.target() != process => Some("an entry is of another process"),
            Ok(entry) => self.check_entry(entry, &record),
        };
        let place = match &entry {
            Ok(Entry::Spawn(spawn)) if assignment.slot == Slot::ZERO => {
                self.rank(spawn.unverified().policy.ranking(&process))
            }
            _ => place,
        };
        let standing = if fault.is_some() { Standing::Broken } else { Standing::Followed };
        if let Some(fault) = fault {
            tracing::error!(
                %process, slot = %assignment.slot, scheduler = %self.scheduler, fault,
                "ALARM: the scheduler broke a rule; nothing more of this log is executed"
            );
        }
        if fault.is_some() || !place.executed {
            // What is not executed is not passed over either: it may have to be executed later.
            self.places.insert(process, Place { standing, ..place });
            return None;
        }
        let entry = entry.ok()?;
        let next = assignment.slot.next().unwrap_or(assignment.slot);
        let (chain, time) = (assignment.chain, assignment.time);
        self.places.insert(process, Place { next, chain, time, standing, ..place.clone() });
        Some(Checked { record, entry, before: Before(place) })
    }

    /// The start of a process that these units execute.
    fn rank(&mut self, ranking: Ranking) -> Place {
        let executed = ranking.executes(&self.unit, self.present.as_ref());
        let known = self.rankings.get(&ranking).cloned();
        let ranking = known.unwrap_or_else(|| {
            let ranking = Arc::new(ranking);
            self.rankings.insert(Arc::clone(&ranking));
            ranking
        });
        Place { ranking: Some(ranking), executed, ..Place::START }
    }

    /// Checks what a scheduler has to check before it assigns.
    fn check_entry(&mut self, entry: &Entry, record: &TailRecord) -> Option<&'static str> {
        let first = record.assignment.slot == Slot::ZERO;
        if first != matches!(entry, Entry::Spawn(_)) {
            return Some("slot 0, and only slot 0, is a spawn");
        }
        // Also of a scheduler that is trusted: otherwise two would order one process.
        if let Entry::Spawn(spawn) = entry
            && spawn.unverified().scheduler != self.scheduler
        {
            return Some("the spawn names another scheduler");
        }
        if self.trusted {
            return None;
        }
        let holds = match entry {
            Entry::Spawn(spawn) => {
                spawn.verify_by(self.network, &spawn.digest(), PublicKey::verifies).is_ok()
            }
            Entry::Message(message) => {
                message.verify_by(self.network, &message.digest(), PublicKey::verifies).is_ok()
            }
            Entry::Delivery(delivery) => self.origin_holds(delivery, record),
            _ => true,
        };
        if holds { None } else { Some("an entry's signature or proof does not hold") }
    }

    fn origin_holds(&mut self, delivery: &Delivery, record: &TailRecord) -> bool {
        let origin = record.origin.as_ref();
        let Some(proof) = origin.and_then(|bytes| codec::decode::<OriginProof>(bytes).ok()) else {
            return false;
        };
        let known = self.sources.get(&delivery.source);
        let holds =
            proof.verify(self.network, delivery.into(), known, true, PublicKey::verifies).is_ok();
        if let (true, None, Some(introduction)) = (holds, known, &proof.introduction)
            && let Ok(source) = introduction.source(&delivery.source, self.network)
        {
            self.sources.insert(delivery.source, source);
        }
        holds
    }
}

#[cfg(test)]
mod tests;
