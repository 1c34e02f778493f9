//! Processes on the engine of compute units, and the way between them: what schedulers and
//! messengers do, without signatures, disks or networks.
//!
//! # Invariants
//!
//! - Items of one process to another are delivered in order, each once; between pairs the seed
//!   chooses.
//! - A spawn of a module that is not there is refused by a scheduler's word, as a real one is.

mod machine;
mod process;
mod way;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use antiphon::{Error, ModuleRef};
use compute_unit::CompiledModule;
use protocol::{
    Acceptance, Body, ComputePolicy, Entry, Kind, Limits, Message, ModuleId, NetworkId, Outcome,
    Principal, ProcessId, Profile, Reply, SecretKey, Signed, Slot, Spawn, Timer, Timestamp, V1,
};

use self::process::Process;

/// How many slots one run may take: actors that talk for ever fail the test.
const SLOTS_MAX: u64 = 1_000_000;

const NETWORK: NetworkId = NetworkId::from_bytes([4; 32]);

/// What is under way to a process.
#[derive(Debug)]
struct Letter {
    entry: Entry,
    /// Of a client's message.
    ticket: Option<u64>,
}

/// Processes, and what is under way between them.
pub(crate) struct Engine {
    client: SecretKey,
    scheduler: SecretKey,
    compute: SecretKey,
    time: Timestamp,
    random: u64,
    modules: BTreeMap<ModuleId, Arc<CompiledModule>>,
    processes: BTreeMap<ProcessId, Process>,
    under_way: BTreeMap<(Principal, ProcessId), VecDeque<Letter>>,
    /// Tickets whose reply comes in a later slot than the message's own.
    open: BTreeMap<(ProcessId, Slot), u64>,
    replies: BTreeMap<u64, Result<Vec<u8>, Error>>,
    numbers: u64,
    slots: u64,
}

impl Engine {
    /// No process yet, at time 0.
    pub(crate) fn seeded(seed: u64) -> Self {
        let key = |seed| SecretKey::from_seed(&[seed; 32]);
        Self {
            client: key(1),
            scheduler: key(2),
            compute: key(3),
            time: Timestamp::ZERO,
            // A generator of this kind never leaves zero.
            random: seed | 1 << 63,
            modules: BTreeMap::new(),
            processes: BTreeMap::new(),
            under_way: BTreeMap::new(),
            open: BTreeMap::new(),
            replies: BTreeMap::new(),
            numbers: 0,
            slots: 0,
        }
    }

    /// Takes a module in.
    ///
    /// # Panics
    ///
    /// If a compute unit would not accept it.
    pub(crate) fn module(&mut self, wasm: &[u8]) -> ModuleRef {
        let id = ModuleId::of(wasm);
        self.modules.entry(id).or_insert_with(|| match machine::compile(wasm) {
            Ok(module) => module,
            Err(error) => panic!("the module is not accepted: {error}"),
        });
        let profile = Profile::current().id();
        ModuleRef::new(id, Acceptance::sign(&self.compute, NETWORK, &id, &profile))
    }

    /// Spawns a process and runs until nothing is under way.
    ///
    /// # Errors
    ///
    /// The initialiser's own.
    pub(crate) fn spawn(&mut self, wasm: &[u8], args: Vec<u8>) -> Result<ProcessId, Error> {
        let module = self.module(wasm);
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: self.account(),
            module: module.module(),
            acceptance: module.acceptance(),
            args,
            name: String::new(),
            tags: Vec::new(),
            nonce: self.number(),
            expiry: self.time.saturating_add(Message::EXPIRY_MAX),
            scheduler: self.scheduler.public().unit(),
            policy: ComputePolicy {
                units: vec![self.compute.public().unit()],
                quorum: 1,
                version: 0,
                previous: None,
            },
            profile: Profile::current().id(),
            controller: self.account(),
            limits: Limits::DEFAULT,
        };
        spawn.check().map_err(Error::refused)?;
        let entry = Entry::Spawn(Signed::sign(spawn, &self.client));
        let (id, ticket) = (entry.target(), self.number());
        self.put(self.account(), id, Letter { entry, ticket: Some(ticket) });
        self.run();
        self.take_reply(ticket).expect("a birth is over at once").map(|_| id)
    }

    /// Sends a message as the client; gives its ticket. Nothing runs yet.
    pub(crate) fn post(&mut self, target: ProcessId, method: String, args: Vec<u8>) -> u64 {
        let message = Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: self.account(),
            target,
            method,
            args,
            nonce: self.number(),
            expiry: self.time.saturating_add(Message::EXPIRY_MAX),
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: None,
        };
        let entry = Entry::Message(Signed::sign(message, &self.client));
        let ticket = self.number();
        self.put(self.account(), target, Letter { entry, ticket: Some(ticket) });
        ticket
    }

    /// Takes the reply to a message, if it is there.
    pub(crate) fn take_reply(&mut self, ticket: u64) -> Option<Result<Vec<u8>, Error>> {
        self.replies.remove(&ticket)
    }

    /// Whether the reply to a message is there.
    pub(crate) fn has_reply(&self, ticket: u64) -> bool {
        self.replies.contains_key(&ticket)
    }

    /// Reads a process's state.
    ///
    /// # Errors
    ///
    /// The view's own.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub(crate) fn view(
        &mut self,
        process: ProcessId,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let process = self.processes.get_mut(&process).expect("the process is born");
        match process.view(method, args) {
            Reply::Value(value) => Ok(value),
            Reply::Failure(failure) => Err(Error::new(failure.code, failure.detail)),
            Reply::Later => panic!("a view answers at once"),
        }
    }

    /// What came of every slot of a process.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub(crate) fn outcomes(&self, process: ProcessId) -> Vec<Outcome> {
        self.processes.get(&process).expect("the process is born").outcomes().cloned().collect()
    }

    /// Executes every log again and compares what comes of it.
    ///
    /// # Panics
    ///
    /// If anything differs.
    pub(crate) fn check_replay(&self) {
        self.processes.values().for_each(Process::check_replay);
    }

    /// The virtual time.
    pub(crate) const fn time(&self) -> Timestamp {
        self.time
    }

    /// Lets time pass to whatever is due next, and runs it. Tells whether anything is due until then.
    pub(crate) fn step(&mut self, end: Timestamp) -> bool {
        let due = self.processes.values().filter_map(Process::next_due);
        let due = due.map(|timer| (timer.due, timer)).chain(self.astray()).min_by_key(
            |(due, Timer { process, slot, index, occurrence, .. })| {
                (*due, *process, *slot, *index, *occurrence)
            },
        );
        let Some((due, timer)) = due.filter(|(due, _)| *due <= end) else { return false };
        self.time = self.time.max(due);
        // By the process itself: what is due does not wait for what others have sent.
        self.execute(timer.process, Letter { entry: Entry::Timer(timer), ticket: None });
        self.run();
        true
    }

    /// Lets time pass, and everything happen that is due by then.
    pub(crate) fn pass(&mut self, span: u64) {
        let end = self.time.saturating_add(span);
        self.run();
        while self.step(end) {}
        self.time = end;
    }

    fn account(&self) -> Principal {
        Principal::Account(self.client.public().account())
    }

    const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}
