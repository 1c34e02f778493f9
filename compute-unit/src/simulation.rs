//! The unit without threads, files and network: what a simulation of all units drives. Tails are
//! checked, slots executed and outcomes signed by the unit's own code; what goes in and out are the
//! protocol's objects, and time is an argument.
//!
//! After a restart every log is executed again from its start, as by a unit that has no checkpoints.

mod answers;
mod disk;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use protocol::{
    Assignment, AssignmentProof, Entry, Hash, ItemBody, ModuleId, NetworkId, Position, ProcessId,
    Provenance, SecretKey, Slot, Spawn, UnitId, UnitSet,
    api::{Cursor, Opening, TailFrame, TailReport},
    codec,
};

pub use disk::Disk;

use crate::{
    CompiledModule, Successor,
    agenda::AgendaChange,
    liveness::Liveness,
    process::Process,
    publisher::{self, Assigning, Place, Publication},
    store::Head,
    tail::{Checked, Moves, Tail},
};
use disk::Frame;

/// Cursors in the opening of a tail.
const CURSORS_MAX: usize = 65_536;

/// A process that is executed here.
#[derive(Debug)]
struct Hosted {
    process: Option<Process>,
    /// What an earlier run, or this one, has published.
    published: Option<Head>,
    /// The digest of the receipt leaf behind which the agenda is right.
    agenda: Option<Hash>,
}

/// A slot to execute, and what shows its place.
#[derive(Debug)]
struct Work {
    scheduler: UnitId,
    entry: Entry,
    place: Place,
}

/// A unit between two crashes.
#[derive(Debug)]
pub struct Unit {
    key: SecretKey,
    network: NetworkId,
    trusts: bool,
    disk: Disk,
    modules: BTreeMap<ModuleId, Arc<CompiledModule>>,
    tails: BTreeMap<UnitId, Tail>,
    moves: Arc<Moves>,
    hosted: BTreeMap<ProcessId, Hosted>,
    queue: VecDeque<Work>,
    /// The last slot of each process that was queued.
    queued: BTreeMap<ProcessId, Position>,
    given: BTreeMap<(ProcessId, Slot), AssignmentProof>,
    reports: BTreeMap<UnitId, BTreeMap<ProcessId, Slot>>,
    liveness: Liveness,
}

impl Unit {
    /// Starts on what survived, with all modules that logs name. `trusts` says that schedulers are of
    /// the same operator.
    pub fn start(
        disk: &Disk,
        (key, network): (SecretKey, NetworkId),
        modules: BTreeMap<ModuleId, Arc<CompiledModule>>,
        trusts: bool,
        now: Duration,
    ) -> Self {
        let hosted =
            |head: Head| Hosted { process: None, published: Some(head), agenda: Some(head.leaf) };
        let heads = disk.heads().into_iter().map(|(process, head)| (process, hosted(head)));
        Self {
            key,
            network,
            trusts,
            disk: disk.clone(),
            modules,
            tails: BTreeMap::new(),
            moves: Arc::default(),
            hosted: heads.collect(),
            queue: VecDeque::new(),
            queued: BTreeMap::new(),
            given: BTreeMap::new(),
            reports: BTreeMap::new(),
            liveness: Liveness::new(now),
        }
    }

    /// The unit's id.
    pub fn id(&self) -> UnitId {
        self.key.public().unit()
    }

    /// How a tail of a scheduler is opened now, with what is told to it at first.
    pub fn open(&mut self, scheduler: UnitId) -> (Vec<u8>, TailReport) {
        let present = self.liveness.present();
        let tail = self.tail(scheduler);
        drop(tail.set_present(present.clone()));
        let cursors = tail.resume(CURSORS_MAX);
        let executed: Vec<ProcessId> = tail.executed().collect();
        let cursor = |process: ProcessId| {
            let slot = self.hosted.get(&process)?.process.as_ref()?.last()?.next()?;
            Some(Cursor { process, slot })
        };
        let executed = executed.into_iter().filter_map(cursor).collect();
        self.reports.remove(&scheduler);
        let report = TailReport { executed, superseded: Vec::new() };
        (codec::encode(&Opening::Tail { cursors, present }), report)
    }

    /// The sources, and the logs, about which schedulers must be asked before a frame is taken.
    pub fn unknown(
        &mut self,
        scheduler: UnitId,
        frame: &TailFrame,
    ) -> (Vec<ProcessId>, Vec<ProcessId>) {
        let unknown = self.tail(scheduler).unknown(frame);
        (unknown.sources, unknown.logs)
    }

    /// The sources of which not enough is known to take a frame.
    pub fn unknown_sources(&mut self, scheduler: UnitId, frame: &TailFrame) -> Vec<ProcessId> {
        self.tail(scheduler).unknown_sources(frame)
    }

    /// Learns who a process is. Whether that changes what is executed here.
    pub fn learn(&mut self, scheduler: UnitId, process: ProcessId, known: &Provenance) -> bool {
        let tail = self.tail(scheduler);
        tail.learn(process, known);
        tail.follows(&process) && tail.introduce(process, known).is_some_and(|(_, goes_on)| goes_on)
    }

    /// Takes a frame of a tail.
    ///
    /// # Errors
    ///
    /// Why the tail must be opened again.
    pub fn take(&mut self, scheduler: UnitId, frame: TailFrame) -> Result<(), String> {
        let batch = self.tail(scheduler).handle(frame).map_err(|error| error.to_string())?;
        let mut ahead = None;
        let assigning = Arc::new(Assigning { header: batch.header, tree: batch.tree });
        for Checked { record, entry, moved, .. } in batch.slots {
            let Assignment { process, slot, .. } = record.assignment;
            let last = self.queued.get(&process).copied();
            let next = last.map_or(Some(Slot::ZERO), |last| last.slot.next());
            if Some(slot) > next {
                // Another tail has brought less of the log so far.
                self.tail(scheduler).rewind(&process, last);
                ahead = Some(process);
                continue;
            }
            moved.into_iter().for_each(|moved| self.moves.learn(process, moved));
            if Some(slot) == next {
                let (assignment, index) = (record.assignment, record.index);
                let batch = Arc::clone(&assigning);
                self.queue(scheduler, entry, Place { assignment, index, batch });
            }
        }
        match batch.gap.or(ahead) {
            Some(process) => Err(format!("slots of {process} are missing")),
            None if self.tail(scheduler).is_undecided() => {
                Err("a slot could not be judged".to_owned())
            }
            None => Ok(()),
        }
    }

    /// Lets a slot wait for execution.
    fn queue(&mut self, scheduler: UnitId, entry: Entry, place: Place) {
        let Place { assignment, index, batch } = &place;
        let path = batch.tree.path(*index).expect("the tail has checked the index");
        let batch = batch.header.clone();
        let proof = AssignmentProof { assignment: *assignment, path, batch };
        let Assignment { process, slot, epoch, time, chain, .. } = proof.assignment;
        self.queued.insert(process, Position { slot, epoch, time, chain });
        self.given.insert((process, slot), proof);
        self.queue.push_back(Work { scheduler, entry, place });
    }

    /// Whether logs have come over to a scheduler, so that its tail must be opened again.
    pub fn has_arrivals(&mut self, scheduler: UnitId) -> bool {
        self.tail(scheduler).has_arrivals()
    }

    /// Executes so many slots of what waits, and publishes what comes of them. Must run on a thread
    /// with [`crate::THREAD_STACK_BYTES`] of stack.
    ///
    /// # Panics
    ///
    /// If the unit contradicts what it has published, or fails.
    pub fn execute(&mut self, most: usize) {
        let count = most.min(self.queue.len());
        let works: Vec<Work> = self.queue.drain(..count).collect();
        let mut fresh: Vec<Publication> =
            works.into_iter().filter_map(|work| self.execute_one(&work)).collect();
        if fresh.is_empty() {
            return;
        }
        let agenda = fresh.iter_mut().filter_map(|item| item.agenda.take()).collect();
        let frame = publisher::seal(&self.key, self.network, fresh);
        let bytes = publisher::encode(&frame);
        self.disk.publish(Frame { frame, bytes, agenda });
    }

    fn execute_one(&mut self, work: &Work) -> Option<Publication> {
        let assignment = &work.place.assignment;
        let id = assignment.process;
        tracing::debug!(process = %id, slot = %assignment.slot, "executing");
        let hosted = self.hosted.entry(id).or_insert_with(|| Hosted {
            process: None,
            published: None,
            agenda: None,
        });
        self.disk.note(id, work.scheduler);
        if assignment.slot == Slot::ZERO {
            let spawn = born(&work.entry).expect("the tail has checked that it is a spawn");
            let module = self.modules.get(&spawn.module).expect("all modules are known");
            hosted.process = Some(Process::new(id, spawn, module).expect("there is memory"));
        }
        let process = hosted.process.as_mut().expect("slot 0 came first");
        let successor = process.upgrade_of(&work.entry).map(|module| {
            Successor::Ready(Arc::clone(self.modules.get(&module).expect("all modules are known")))
        });
        let executed = process.execute_with(assignment, &work.entry, successor.as_ref());
        let mut executed = executed.expect("the unit works");
        let next = assignment.slot.next().expect("no slot is past the range");
        self.reports.entry(work.scheduler).or_default().insert(id, next);
        if let Some(known) = hosted.published.filter(|known| assignment.slot < known.next) {
            let last = next == known.next;
            assert!(!last || executed.digest == known.leaf, "a replay contradicts {id} {next}");
            return None;
        }
        hosted.published = Some(Head { next, leaf: executed.digest });
        let place = (!executed.outcome.outbox.is_empty()).then(|| work.place.clone());
        let agenda = AgendaChange::of(&mut executed, &mut hosted.agenda, process);
        Some(Publication { executed, place, agenda })
    }

    /// How many slots wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What a scheduler is not told yet.
    pub fn report(&mut self, scheduler: UnitId) -> Option<TailReport> {
        let executed = self.reports.remove(&scheduler)?;
        let executed = executed.into_iter().map(|(process, slot)| Cursor { process, slot });
        Some(TailReport { executed: executed.collect(), superseded: Vec::new() })
    }

    /// The frame from which somebody with these cursors follows.
    pub fn first_needed(&self, cursors: &[Cursor]) -> usize {
        self.disk.first_needed(cursors)
    }

    /// A published frame.
    pub fn frame(&self, number: usize) -> Option<Bytes> {
        self.disk.frame(number)
    }

    /// Makes durable what was published, if the disk allows.
    pub fn sync(&self) {
        self.disk.sync();
    }

    /// Learns of which other compute units there are records, and the time. Gives those to ask how
    /// they do.
    pub fn handle_time(&mut self, now: Duration, others: &[UnitId]) -> Vec<UnitId> {
        self.liveness.handle_units(now, others);
        self.liveness.handle_time(now);
        self.liveness.watched().collect()
    }

    /// Learns that another unit has answered, and how many slots wait there.
    pub fn handle_answer(&mut self, now: Duration, unit: &UnitId, waiting: u64) {
        self.liveness.handle_answer(now, unit, waiting);
    }

    /// The other units that are up; nothing while that is not known.
    pub fn present(&self) -> Option<UnitSet> {
        self.liveness.present()
    }

    fn tail(&mut self, scheduler: UnitId) -> &mut Tail {
        let (id, network, trusts) = (self.id(), self.network, self.trusts);
        let moves = &self.moves;
        self.tails
            .entry(scheduler)
            .or_insert_with(|| Tail::new(id, scheduler, network, trusts).among(Arc::clone(moves)))
    }
}

/// The spawn that an entry holds.
fn born(entry: &Entry) -> Option<Spawn> {
    match entry {
        Entry::Spawn(spawn) => Some(spawn.unverified().clone()),
        Entry::Delivery(delivery) => match &delivery.item.body {
            ItemBody::Spawn(bytes, _) => codec::decode(bytes).ok(),
            _ => None,
        },
        _ => None,
    }
}
