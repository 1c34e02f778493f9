//! What the benches of this crate drive: the stages of a unit, on one thread, without a network.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use protocol::{Assignment, Entry, Hash, Limits, PublicKey, Slot, api::TailFrame, codec};

use crate::{
    CompiledModule, Engine,
    checkpoint::{self, CheckpointStore},
    feed::Frame,
    given::{GivenFrame, Run},
    instance::{Export, HostFault, Instance},
    process::{Executed, Process},
    publisher::{Publication, encode, seal},
    store::Store,
    tail::Tail,
    testing::{Log, NETWORK},
};

/// A process with everything that a unit keeps of it.
#[derive(Debug)]
pub struct Stage {
    log: Log,
    module: Arc<CompiledModule>,
    process: Process,
    outcomes: Store,
    checkpoints: Arc<CheckpointStore>,
    frames: u64,
}

/// Slots to execute, as a unit has them behind its tail.
pub type Slots = Vec<(Assignment, Entry)>;

impl Stage {
    /// A process that is born with these arguments, with its databases in a directory.
    ///
    /// # Panics
    ///
    /// If it is not born.
    pub fn new(wasm: &[u8], init: &[u8], limits: Limits, directory: &Path) -> Self {
        let log = Log::with_args(wasm, limits, init);
        let module = Engine::new().expect("an engine").compile(wasm).expect("a module");
        let spawn = log.spawn.unverified().clone();
        let process = Process::new(log.process, spawn, &module).expect("room");
        let outcomes = Store::open(directory).expect("a directory");
        let checkpoints = Arc::new(CheckpointStore::open(directory, 4).expect("a directory"));
        let mut stage = Self { log, module, process, outcomes, checkpoints, frames: 0 };
        let spawn = Entry::Spawn(stage.log.spawn.clone());
        let assignment = stage.log.assign(spawn.id());
        let born = stage.process.execute(&assignment, &spawn).expect("room").outcome;
        assert!(matches!(born.reply, protocol::Reply::Value(_)), "{:?}", born.reply);
        stage
    }

    /// So many signed messages, assigned.
    pub fn slots(&mut self, count: usize, method: &str, args: &[u8]) -> Slots {
        let slot = |_| {
            let entry = self.log.message(method, args);
            (self.log.assign(entry.id()), entry)
        };
        (0..count).map(slot).collect()
    }

    /// So many signed messages, and the batch in which the scheduler assigned them.
    pub fn batch(&mut self, count: usize, method: &str, args: &[u8]) -> (Slots, Bytes) {
        let entries: Vec<Entry> = (0..count).map(|_| self.log.message(method, args)).collect();
        let frame: TailFrame = self.log.frame(&entries);
        let bytes = Bytes::from(codec::encode(&frame));
        let slots = frame.records.iter().map(|record| record.assignment).zip(entries).collect();
        (slots, bytes)
    }

    /// So many messages in a signed batch of the scheduler, as a tail carries them.
    pub fn frame(&mut self, count: usize, method: &str, args: &[u8]) -> Vec<u8> {
        let entries: Vec<Entry> = (0..count).map(|_| self.log.message(method, args)).collect();
        let frame: TailFrame = self.log.frame(&entries);
        codec::encode(&frame)
    }

    /// Executes slots; the state is marked at the end of them.
    ///
    /// # Panics
    ///
    /// If the machine fails.
    pub fn execute(&mut self, slots: &Slots) {
        for (assignment, entry) in slots {
            self.process.execute(assignment, entry).expect("room");
        }
        self.process.commit().expect("room");
    }

    /// Executes slots, signs the receipts of each batch and stores its outcomes as one row beside the
    /// batch itself, all rows in one commit, as a unit does.
    ///
    /// # Panics
    ///
    /// If the machine fails.
    pub fn publish(&mut self, batches: &[(Slots, Bytes)]) {
        let mut frames = Vec::with_capacity(batches.len());
        let mut given = Vec::with_capacity(batches.len());
        for (slots, bytes) in batches {
            let ends = slots.first().zip(slots.last());
            let run = ends.map(|((first, _), (last, _))| Run {
                process: self.log.process,
                first: first.slot,
                last: last.slot,
                opens: false,
            });
            let scheduler = self.log.scheduler.public().unit();
            let runs = run.into_iter().collect();
            let frame = GivenFrame::new(self.frames, scheduler, bytes.clone(), runs);
            given.push(Arc::new(frame));
            let execute = |(assignment, entry): &(Assignment, Entry)| {
                let executed = self.process.execute(assignment, entry).expect("room");
                Publication { executed, place: None, agenda: None }
            };
            let gathered = slots.iter().map(execute).collect();
            let frame = seal(&self.log.compute, NETWORK, gathered);
            let bytes = encode(&frame);
            frames.push(Arc::new(Frame { number: self.frames, bytes, frame, agenda: Vec::new() }));
            self.frames += 1;
        }
        self.outcomes.append(&given, &frames).expect("a disk");
    }

    /// A tail that has seen the spawn, and the process before slot 1: what a replay begins with.
    pub fn replay(&self, trusted: bool) -> Replaying {
        let unit = |key: &PublicKey| key.unit();
        let (me, scheduler) =
            (unit(&self.log.compute.public()), unit(&self.log.scheduler.public()));
        let mut log = Log::with_args_of(&self.log);
        let mut tail = Tail::new(me, scheduler, NETWORK, trusted);
        let frame = log.frame(&[Entry::Spawn(self.log.spawn.clone())]);
        let born = tail.handle_frame(&codec::encode(&frame)).expect("a valid frame");
        let spawn = self.log.spawn.unverified().clone();
        let mut process = Process::new(self.log.process, spawn, &self.module).expect("room");
        for slot in born.slots {
            process.execute(&slot.record.assignment, &slot.entry).expect("room");
        }
        Replaying { tail, process }
    }

    /// The root of the state.
    ///
    /// # Panics
    ///
    /// If the machine fails.
    pub fn state_root(&mut self) -> Option<Hash> {
        self.process.state_root().expect("room")
    }

    /// Stores a checkpoint.
    ///
    /// # Panics
    ///
    /// If the machine fails.
    pub fn save(&mut self) {
        let saved = self.process.save(false).expect("room").expect("a slot was executed");
        self.checkpoints.append(&[saved]).expect("a disk");
    }

    /// Brings the process into memory from its newest checkpoint and executes a slot there.
    ///
    /// # Panics
    ///
    /// If the machine fails.
    pub fn wake(&self, slot: &(Assignment, Entry)) -> impl Sized + use<> {
        let newest = self.checkpoints.newest(&self.log.process, Slot::new(u64::MAX));
        let checkpoint = newest.expect("a disk").expect("a checkpoint");
        let restored = checkpoint::restore(&self.checkpoints, checkpoint).expect("whole");
        let mut process = Process::restore(restored, &self.module).expect("room");
        let executed: Executed = process.execute(&slot.0, &slot.1).expect("room");
        (process, executed)
    }
}

/// A log that is replayed.
#[derive(Debug)]
pub struct Replaying {
    tail: Tail,
    process: Process,
}

impl Replaying {
    /// Checks a frame and executes what is in it.
    ///
    /// # Panics
    ///
    /// If the frame is not the next.
    pub fn take(&mut self, frame: &[u8]) {
        for slot in self.tail.handle_frame(frame).expect("a valid frame").slots {
            self.process.execute(&slot.record.assignment, &slot.entry).expect("room");
        }
    }
}

/// Calls a handler and nothing else: no mark, no rollback, no output read.
///
/// # Errors
///
/// As [`Instance::execute`].
pub fn bare_call(instance: &mut Instance, input: &[u8], gas: u64) -> Result<u64, HostFault> {
    instance.bare_call(Export::Handle, input, gas)
}
