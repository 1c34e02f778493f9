//! Follows the logs that one scheduler serves: checks every batch and hands checked slots to the
//! executor.
//!
//! A scheduler to which a log has gone over serves all of it. The slots of the epochs before stand
//! under the batches of their own schedulers, which it hands on.
//!
//! # Invariants
//!
//! - Nothing is executed that does not stand under a verified batch signature of the scheduler of its
//!   epoch, in its place in an unbroken chain.
//! - Who orders the next epoch is what the controller says in the log, and nobody else.
//! - Client signatures and proofs of origin are checked here again, unless the scheduler is of the
//!   same operator.
//! - What cannot be taken or judged at the moment holds up its own log only: it comes again on a
//!   later stream.
//! - A log that is left to another unit stays where it is, in step with the executor, and goes on
//!   from there when its turn comes again.

mod judge;
mod lineage;
mod moves;
mod origins;
mod place;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use protocol::{
    Assignment, Entry, MerkleTree, NetworkId, OpenBasis, OriginBasis, Position, ProcessId,
    Provenance, PublicKey, Ranking, Slot, Source, UnitId, UnitSet,
    api::{Cursor, RefusalRecord, TailFrame, TailRecord},
    codec,
};

pub(crate) use lineage::{Changed, Lineage};
pub(crate) use moves::{Moved, Moves};
pub(crate) use place::Before;

use judge::Judged;
use origins::Origins;
use place::{Place, Standing};

/// The state of following one scheduler, across streams. Pure but for what tails tell each other.
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
    /// What processes were born as, each kept once.
    births: HashMap<Arc<Source>, Arc<Lineage>>,
    origins: Origins,
    moves: Arc<Moves>,
    /// Logs whose newest policy was asked for since the stream began.
    asked: HashSet<ProcessId>,
    /// Logs that were found to be taken over from the scheduler when the stream began.
    lost: Vec<ProcessId>,
}

/// Why a frame is not believed. The stream is closed and opened again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TailError {
    /// The frame is not of the protocol.
    #[error("{0}")]
    Malformed(#[from] codec::DecodeError),
    /// The batch is not properly signed by the scheduler that it names.
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
    /// Whether it is the first slot of its epoch.
    pub(crate) opens: bool,
    /// What other tails must know once it is taken: the log has another scheduler.
    pub(crate) moved: Option<Moved>,
}

/// A batch whose signature holds.
#[derive(Debug)]
pub(crate) struct CheckedBatch {
    /// The signed header.
    pub(crate) header: protocol::Signed<protocol::BatchHeader>,
    /// The tree of its leaves.
    pub(crate) tree: MerkleTree,
    /// The leaves.
    pub(crate) leaves: Vec<protocol::Hash>,
    /// What the links of its records lead to.
    pub(crate) basis: Option<OriginBasis>,
    /// How many records and refusals the frame has.
    pub(crate) count: usize,
    /// The slots to execute, in order.
    pub(crate) slots: Vec<Checked>,
    /// New refusals of logs that are executed here, each with the last slot taken before it.
    pub(crate) refusals: Vec<(RefusalRecord, Slot)>,
    /// A log of which slots are missing: the stream must be opened again.
    pub(crate) gap: Option<ProcessId>,
    /// Of each log of which slots came again, the last of them.
    pub(crate) again: Vec<(u32, Assignment)>,
    /// Slots behind the control with which their scheduler had ended the epoch.
    pub(crate) past_seals: Vec<PastSeal>,
    /// Logs that another scheduler orders, as this one does not seem to know.
    pub(crate) superseded: Vec<ProcessId>,
    /// Logs that this unit has executed, and whether it goes on.
    pub(crate) ranked: Vec<(ProcessId, bool)>,
}

/// A slot behind the end of its epoch.
#[derive(Debug)]
pub(crate) struct PastSeal {
    /// Its leaf's position.
    pub(crate) index: u32,
    /// The slot.
    pub(crate) later: Assignment,
    /// What ended the epoch.
    pub(crate) seal: Changed,
}

/// What must be learned before a frame is handled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The sources of deliveries.
    pub(crate) sources: Vec<ProcessId>,
    /// Logs that this unit executes by none of the policies known to it, as the scheduler thinks.
    pub(crate) logs: Vec<ProcessId>,
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
            births: HashMap::new(),
            origins: Origins::new(network),
            moves: Arc::default(),
            asked: HashSet::new(),
            lost: Vec::new(),
        }
    }

    /// Hears from other tails, and tells them, which logs have gone over to another scheduler.
    pub(crate) fn among(self, moves: Arc<Moves>) -> Self {
        Self { moves, ..self }
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
        self.asked.clear();
        for process in self.moves.to(&self.scheduler) {
            self.come_over(&process);
        }
        let (moves, scheduler, lost) = (&self.moves, self.scheduler, &mut self.lost);
        self.places.iter_mut().for_each(|(process, place)| {
            if place.standing == Standing::Undecided {
                place.standing = Standing::Followed;
            }
            // A cursor that is far ahead has the scheduler find out why.
            if place.standing == Standing::Followed && place.is_void(moves.of(process), scheduler) {
                place.standing = Standing::Superseded;
                lost.push(*process);
            }
        });
        let cursor = |(process, place): (&ProcessId, &Place)| Cursor {
            process: *process,
            slot: match place.standing {
                Standing::Followed | Standing::Undecided => place.next,
                Standing::Behind | Standing::Superseded | Standing::Broken => Slot::new(u64::MAX),
            },
        };
        // Of the rest the scheduler sends nothing.
        let is_due = |(_, place): &(&ProcessId, &Place)| place.executed || place.is_over();
        let mut cursors: Vec<Cursor> = self.places.iter().filter(is_due).map(cursor).collect();
        if cursors.len() > most {
            // The longest logs would cost most.
            cursors.sort_unstable_by_key(|cursor| std::cmp::Reverse(cursor.slot));
            cursors.truncate(most);
        }
        cursors.sort_unstable_by_key(|cursor| cursor.process);
        cursors
    }

    /// The logs found since it was last asked to be taken over from the scheduler, which may not know.
    pub(crate) fn take_lost(&mut self) -> Vec<ProcessId> {
        std::mem::take(&mut self.lost)
    }

    /// Returns a log to where it was before a slot for which there is no room, and takes nothing
    /// more of it until [`Self::catch_up`].
    pub(crate) fn fall_behind(&mut self, process: ProcessId, before: Before) {
        self.places.insert(process, Place { standing: Standing::Behind, ..before.0 });
    }

    /// Whether logs have come over to the scheduler that are not taken from it yet.
    pub(crate) fn has_arrivals(&self) -> bool {
        let arrives = |process: &ProcessId| {
            let place = self.places.get(process);
            self.moves.of(process).is_some_and(|moved| self.must_come_over(place, &moved))
        };
        self.moves.to(&self.scheduler).iter().any(arrives)
    }

    /// Whether this tail follows a log.
    pub(crate) fn follows(&self, process: &ProcessId) -> bool {
        self.places.contains_key(process)
    }

    /// The logs that this tail follows and this unit executes.
    pub(crate) fn executed(&self) -> impl Iterator<Item = ProcessId> {
        let executed = self.places.iter().filter(|(_, place)| place.executed && !place.is_over());
        executed.map(|(process, _)| *process)
    }

    /// Lets the next stream bring what stands behind a position in a log; all of it if there is
    /// none.
    pub(crate) fn rewind(&mut self, process: &ProcessId, to: Option<Position>) {
        if let Some(place) = self.places.get_mut(process)
            && !place.is_over()
        {
            place.standing = Standing::Followed;
            place.stand_behind(to);
        }
    }

    /// Takes nothing more of a log unless it comes over to the scheduler: its slots are not those
    /// that count.
    pub(crate) fn let_go(&mut self, process: &ProcessId) {
        let is_its =
            self.moves.of(process).is_some_and(|moved| moved.scheduler() == self.scheduler);
        if let Some(place) = self.places.get_mut(process)
            && !is_its
        {
            place.standing = Standing::Superseded;
        }
    }

    /// Learns that this unit has executed a process up to a position before, and who the process is
    /// there or later.
    pub(crate) fn resume_at(&mut self, process: ProcessId, lineage: &Lineage, position: Position) {
        let mut place = Place { lineage: Some(Arc::new(lineage.clone())), ..Place::START };
        place.stand_behind(Some(position));
        self.rank(&process, &mut place);
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
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn handle_frame(&mut self, bytes: &[u8]) -> Result<CheckedBatch, TailError> {
        self.handle(codec::decode(bytes)?)
    }

    /// Checks a frame and gives the slots that are new and executed here.
    pub(crate) fn handle(&mut self, frame: TailFrame) -> Result<CheckedBatch, TailError> {
        let header = frame.batch.unverified();
        let tree = MerkleTree::new(frame.leaves.clone());
        let counted = u32::try_from(frame.leaves.len()) == Ok(header.count);
        if !counted || tree.root() != header.root {
            return Err(TailError::Leaves);
        }
        let digest = frame.batch.digest();
        frame.batch.verify_by(self.network, &digest, PublicKey::verifies)?;
        let leaf = |index: u32| usize::try_from(index).ok().and_then(|at| frame.leaves.get(at));
        let refusals = frame.refusals.unwrap_or_default();
        let all_leaves = frame
            .records
            .iter()
            .all(|record| leaf(record.index) == Some(&record.assignment.leaf()))
            && refusals.iter().all(|record| leaf(record.index) == Some(&record.refusal.leaf()));
        if !all_leaves {
            return Err(TailError::Leaves);
        }
        let (scheduler, made) = (header.scheduler, (header.time, header.number));
        let mut batch = CheckedBatch {
            tree,
            leaves: frame.leaves,
            count: frame.records.len().saturating_add(refusals.len()),
            slots: Vec::with_capacity(frame.records.len()),
            refusals: Vec::new(),
            gap: None,
            again: Vec::new(),
            past_seals: Vec::new(),
            superseded: Vec::new(),
            ranked: Vec::new(),
            header: frame.batch,
            basis: frame.basis,
        };
        let basis = self.open(&batch);
        for record in frame.records {
            let process = record.assignment.process;
            self.come_over(&process);
            if self.misses(&record) {
                batch.gap = Some(process);
            } else {
                self.handle_record((record, basis.as_ref()), scheduler, &mut batch);
            }
        }
        let fresh = refusals.into_iter().filter_map(|record| self.fresh_refusal(record, made));
        batch.refusals = fresh.collect();
        for (record, _) in &batch.refusals {
            if let Some(place) = self.places.get_mut(&record.refusal.process) {
                place.refused = made;
            }
        }
        Ok(batch)
    }

    /// What must be learned before a frame is handled; of logs, what was not asked for yet.
    pub(crate) fn unknown(&mut self, frame: &TailFrame) -> Unknown {
        let mut unknown = Unknown { sources: self.unknown_sources(frame), logs: Vec::new() };
        for record in &frame.records {
            let process = record.assignment.process;
            if !self.is_named(record) && self.asked.insert(process) {
                unknown.logs.push(process);
            }
        }
        unknown
    }

    /// The sources of deliveries of which not enough is known to judge a frame.
    pub(crate) fn unknown_sources(&self, frame: &TailFrame) -> Vec<ProcessId> {
        if self.trusts(&frame.batch.unverified().scheduler) {
            return Vec::new();
        }
        let basis = frame.basis.clone().and_then(OriginBasis::open);
        let unknown = |record| self.origins.unknown_source(record, basis.as_ref());
        let mut sources: Vec<ProcessId> = frame.records.iter().filter_map(unknown).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Learns who a process is that others hear of.
    pub(crate) fn learn(&mut self, process: ProcessId, provenance: &Provenance) {
        self.origins.learn(process, provenance);
    }

    /// Learns who a process is that the scheduler believes to be executed here. Tells if that
    /// changes whether this unit goes on with it.
    pub(crate) fn introduce(
        &mut self,
        process: ProcessId,
        provenance: &Provenance,
    ) -> Option<(ProcessId, bool)> {
        let source = provenance.source(&process, self.network).ok()?;
        let mut place = self.places.get(&process).cloned().unwrap_or(Place::START);
        let is_newer = |known: &Arc<Source>| source.changes() > known.changes();
        if !place.ranked_by().is_none_or(is_newer) {
            return None;
        }
        place.newest = Some(Arc::new(source));
        let was = place.executed;
        self.rank(&process, &mut place);
        let change = (place.next > Slot::ZERO && place.executed != was).then_some(place.executed);
        self.places.insert(process, place);
        change.map(|executed| (process, executed))
    }

    /// Whether a scheduler's checks are believed.
    fn trusts(&self, scheduler: &UnitId) -> bool {
        self.trusted && *scheduler == self.scheduler
    }

    /// Whether the policies known explain that the scheduler sends this record. It knows which units
    /// this one believes to be up, so what is left to others by them comes by a newer policy.
    fn is_named(&self, record: &TailRecord) -> bool {
        let process = &record.assignment.process;
        match self.places.get(process) {
            Some(place) if place.executed => true,
            Some(Place { ranking: Some(_), .. }) => false,
            _ if record.assignment.slot > Slot::ZERO => true,
            _ => judge::birth(record).is_none_or(|spawn| {
                spawn.policy.ranking(process).executes(&self.unit, self.present.as_ref())
            }),
        }
    }

    /// Goes on with a log where another tail left it, if it has come over to this scheduler.
    fn come_over(&mut self, process: &ProcessId) {
        let Some(moved) = self.moves.of(process) else { return };
        if !self.must_come_over(self.places.get(process), &moved) {
            return;
        }
        let mut place = self.places.get(process).cloned().unwrap_or(Place::START);
        place.lineage = Some(Arc::clone(&moved.lineage));
        place.came = place.changes();
        place.stand_behind(Some(moved.position));
        place.standing = Standing::Followed;
        self.rank(process, &mut place);
        self.places.insert(*process, place);
    }

    fn must_come_over(&self, place: Option<&Place>, moved: &Moved) -> bool {
        let changes = moved.lineage.source().changes();
        // What was gone back before since then is not gone on from again.
        let knows = |place: &Place| place.came.max(place.changes()) >= changes;
        moved.scheduler() == self.scheduler && !place.is_some_and(knows)
    }

    /// Whether slots are missing before this one.
    fn misses(&self, record: &TailRecord) -> bool {
        match self.places.get(&record.assignment.process) {
            Some(place) if place.standing != Standing::Followed || !place.executed => false,
            place => record.assignment.slot > place.map_or(Slot::ZERO, |place| place.next),
        }
    }

    /// What the links of a batch's records lead to, if proofs of origin are checked.
    fn open(&self, batch: &CheckedBatch) -> Option<OpenBasis> {
        let trusted = self.trusts(&batch.header.unverified().scheduler);
        batch.basis.clone().filter(|_| !trusted)?.open()
    }

    fn handle_record(
        &mut self,
        (record, basis): (TailRecord, Option<&OpenBasis>),
        by: UnitId,
        batch: &mut CheckedBatch,
    ) {
        let assignment = record.assignment;
        let process = assignment.process;
        let place = self.places.get(&process).cloned().unwrap_or(Place::START);
        let left_to_others = place.ranking.is_some() && !place.executed;
        if place.standing != Standing::Followed || left_to_others {
            return;
        }
        if assignment.slot < place.next {
            batch.again.retain(|(_, other)| other.process != process);
            return batch.again.push((record.index, assignment));
        }
        let standing = match self.judge(&place, (&record, basis), by) {
            Judged::Undecided => Standing::Undecided,
            Judged::Superseded => {
                batch.superseded.push(process);
                Standing::Superseded
            }
            Judged::Broken { fault, seal } => {
                tracing::error!(
                    %process, slot = %assignment.slot, scheduler = %self.scheduler, fault,
                    "ALARM: the scheduler broke a rule; nothing more of this log is executed"
                );
                let past = |seal| PastSeal { index: record.index, later: assignment, seal };
                batch.past_seals.extend(seal.map(past));
                Standing::Broken
            }
            Judged::Holds { entry, lineage } => {
                return self.take(place, (record, entry), lineage, batch);
            }
        };
        self.places.insert(process, Place { standing, ..place });
    }

    /// Takes a slot that passed all checks, if this unit executes the process.
    fn take(
        &mut self,
        mut place: Place,
        (record, entry): (TailRecord, Entry),
        lineage: Arc<Lineage>,
        batch: &mut CheckedBatch,
    ) {
        let assignment = record.assignment;
        let process = assignment.process;
        if assignment.slot == Slot::ZERO {
            place.lineage = Some(Arc::clone(&lineage));
            self.rank(&process, &mut place);
            if !place.executed {
                // It is not passed over either: it may have to be executed later.
                place.lineage = None;
                self.places.insert(process, place);
                return;
            }
        }
        let before = place.clone();
        let known = place.lineage.replace(Arc::clone(&lineage));
        let opens = known.is_none_or(|known| known.source().first() == assignment.slot)
            || lineage.source().first() == assignment.slot;
        let position = Position {
            slot: assignment.slot,
            epoch: assignment.epoch,
            time: assignment.time,
            chain: assignment.chain,
        };
        place.next = assignment.slot.next().unwrap_or(assignment.slot);
        (place.chain, place.time) = (assignment.chain, assignment.time);
        let changes = |place: &Place| place.changes();
        let mut moved = None;
        if changes(&place) > changes(&before) && assignment.slot > Slot::ZERO {
            place.came = place.came.max(place.changes());
            self.rank(&process, &mut place);
            if !place.executed {
                batch.ranked.push((process, false));
            }
            let scheduler = |place: &Place| place.lineage.as_ref().map(|l| l.source().scheduler());
            moved =
                (scheduler(&place) != scheduler(&before)).then_some(Moved { lineage, position });
        }
        self.places.insert(process, place);
        batch.slots.push(Checked { record, entry, before: Before(before), opens, moved });
    }

    /// A final refusal that is new, of a log that this unit executes, with the last slot before it.
    fn fresh_refusal(
        &self,
        record: RefusalRecord,
        made: (protocol::Timestamp, u64),
    ) -> Option<(RefusalRecord, Slot)> {
        let place = self.places.get(&record.refusal.process)?;
        let last = Slot::new(place.next.get().checked_sub(1)?);
        let is_wanted = place.executed && place.standing == Standing::Followed;
        (is_wanted && made > place.refused).then_some((record, last))
    }

    /// Learns from the newest policy known who executes a process.
    fn rank(&mut self, process: &ProcessId, place: &mut Place) {
        let Some(source) = place.ranked_by() else { return };
        let ranking = source.policy().ranking(process);
        place.executed = ranking.executes(&self.unit, self.present.as_ref());
        let known = self.rankings.get(&ranking).cloned();
        place.ranking = Some(known.unwrap_or_else(|| {
            let ranking = Arc::new(ranking);
            self.rankings.insert(Arc::clone(&ranking));
            ranking
        }));
    }

    /// The lineage of a process that is just born.
    fn born(&mut self, source: Source) -> Arc<Lineage> {
        let source = Arc::new(source);
        let lineage = || Arc::new(Lineage::born(Arc::clone(&source)));
        Arc::clone(self.births.entry(Arc::clone(&source)).or_insert_with(lineage))
    }
}

#[cfg(test)]
mod tests;
