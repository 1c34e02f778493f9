//! Many actors in one native test: no Wasm, no units, virtual time.
//!
//! Encoded inputs go into a [`Runtime`] per process and its encoded outputs come back as inputs of
//! others, as compute units and messengers would see to. Messages of one process to another keep
//! their order; between pairs the seed chooses. Equal seeds give equal runs.
//!
//! A slot that panics is undone, as one that traps is, and so is one that wants more than the process
//! may have: the process is made again from its log.
//! [`Sim::check_replay`] runs every log again and compares.
//!
//! It counts no gas, so a loop without an end hangs, and it cannot undo what ends the program, as an
//! overflow of the stack does.

mod answers;
mod delivery;
mod faults;
mod host;
mod process;
mod wants;

use std::{
    any::type_name,
    collections::{BTreeMap, BTreeSet, VecDeque},
    marker::PhantomData,
    time::Duration,
};

use protocol::{
    Acceptance, AccountId, Body, ComputePolicy, Domain, EntryId, FailureKind, Kind, Limits,
    Message, ModuleId, NetworkId, Principal, ProcessId, Profile, RefusalCode, Signature, Spawn,
    Timestamp, UnitId, V1,
    abi::{AnswerInput, GuestResult},
    codec,
};
use serde::de::DeserializeOwned;

pub use self::{faults::Faults, host::LoggedSlot};

use self::{host::Make, process::Process};
use crate::{Actor, ActorRef, Args, Call, Error, ModuleRef, cbor, timer};

/// How long a client waits in virtual time, in milliseconds.
pub(crate) const CLIENT_PATIENCE: u64 = 60 * 60 * 1_000;

/// How long a client waits before it submits again what it heard nothing of, in milliseconds.
const RESUBMIT: u64 = 2_000;

/// How many slots one run may take: actors that talk for ever fail the test.
const SLOTS_MAX: u64 = 1_000_000;

/// What is under way to a process.
#[derive(Debug)]
enum Letter {
    Birth { spawn: Vec<u8>, parent: Option<u64> },
    Client { ticket: u64, method: String, args: Vec<u8>, expiry: Timestamp },
    Tell { method: String, args: Vec<u8> },
    Ask { token: u64, method: String, args: Vec<u8>, deadline: Timestamp },
    Answer { token: u64, answer: AnswerInput },
    Expired { token: u64 },
    Timer { token: u64 },
}

/// A message that was sent, whose reply may come later.
#[derive(Debug)]
#[must_use = "the reply is taken by it"]
pub struct Ticket<R> {
    number: u64,
    reply: PhantomData<fn() -> R>,
}

impl<R> Ticket<R> {
    /// A ticket of this number; a [`Stage`](crate::Stage) makes them.
    pub const fn new(number: u64) -> Self {
        Self { number, reply: PhantomData }
    }

    /// The number, by which its stage knows it.
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// Actors that talk to each other.
///
/// ```
/// use antiphon::{Sim, prelude::*};
///
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// # }
/// let mut sim = Sim::seeded(7);
/// let counter = sim.spawn::<Counter>(args! {});
/// assert_eq!(sim.send(counter.add(3)), Ok(3));
/// assert_eq!(sim.view(&counter.get()), Ok(3));
/// sim.pass(secs(60));
/// assert_eq!(sim.time(), Timestamp::new(60_000));
/// ```
#[derive(Default)]
pub struct Sim {
    seed: u64,
    time: Timestamp,
    random: u64,
    modules: BTreeMap<ModuleId, Make>,
    processes: BTreeMap<ProcessId, Process>,
    /// Processes whose initialiser failed.
    unborn: BTreeSet<ProcessId>,
    /// From whom and to whom, in order, with the time of arrival.
    under_way: BTreeMap<(Principal, ProcessId), VecDeque<(Timestamp, Letter)>>,
    /// What was lost, by when it is submitted again.
    lost: VecDeque<(Timestamp, ProcessId, Letter)>,
    cut_off: BTreeSet<ProcessId>,
    refusing: BTreeSet<ProcessId>,
    /// How many submissions are still to be lost.
    losing: BTreeMap<ProcessId, u32>,
    /// In milliseconds.
    delays: BTreeMap<(Principal, ProcessId), u64>,
    faults: Faults,
    replies: BTreeMap<u64, GuestResult>,
    next: u64,
    slots: u64,
}

impl Sim {
    /// The account that spawns and sends what the test itself does: the controller of all.
    pub const CLIENT: AccountId = AccountId::from_bytes([1; 32]);

    /// No process yet, at time 0. The seed decides whose message comes first.
    pub fn seeded(seed: u64) -> Self {
        // A generator of this kind never leaves zero.
        let mut sim = Self::default();
        (sim.seed, sim.random) = (seed, seed | 1 << 63);
        sim
    }

    /// The module of an actor type, which children can be spawned of from now on.
    pub fn module<A: Actor + 'static>(&mut self) -> ModuleRef {
        let schema = Domain::Spawn.digest(&[type_name::<A>().as_bytes(), A::SCHEMA]);
        let module = ModuleId::from_bytes(*schema.as_bytes());
        self.modules.insert(module, host::make::<A>);
        let signature = Signature::from_bytes([0; 64]);
        ModuleRef::new(module, Acceptance { unit: UnitId::from_bytes([3; 32]), signature })
    }

    /// Spawns an actor and runs until nothing is under way.
    ///
    /// # Panics
    ///
    /// If it is not born.
    pub fn spawn<A: Actor + 'static>(&mut self, args: impl Into<Args>) -> ActorRef<A> {
        let module = self.module::<A>();
        self.next += 1;
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: NetworkId::from_bytes([4; 32]),
            sender: Self::CLIENT.into(),
            module: module.module(),
            acceptance: module.acceptance(),
            args: args.into().encode(),
            name: String::new(),
            tags: Vec::new(),
            nonce: self.next,
            expiry: self.time.saturating_add(CLIENT_PATIENCE),
            scheduler: UnitId::from_bytes([2; 32]),
            policy: ComputePolicy {
                units: vec![UnitId::from_bytes([3; 32])],
                quorum: 1,
                version: 0,
                previous: None,
            },
            profile: Profile::current().id(),
            controller: Self::CLIENT.into(),
            limits: Limits::DEFAULT,
        };
        let spawn = codec::encode(&spawn);
        let id = id_of(&spawn);
        self.put(Self::CLIENT.into(), id, Letter::Birth { spawn, parent: None });
        self.run();
        assert!(self.processes.contains_key(&id), "{} is not born", type_name::<A>());
        ActorRef::new(id)
    }

    /// Sends a message as the client and waits for its reply, for at most an hour of virtual time.
    ///
    /// # Errors
    ///
    /// The actor's own; `no-reply` if there is none in time.
    pub fn send<R: DeserializeOwned>(&mut self, call: Call<R>) -> Result<R, Error> {
        let ticket = self.post(call);
        self.wait(&ticket)
    }

    /// Waits for the reply to a message, for at most an hour of virtual time.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// If the reply is not of the method's type.
    pub fn wait<R: DeserializeOwned>(&mut self, ticket: &Ticket<R>) -> Result<R, Error> {
        let end = self.time.saturating_add(CLIENT_PATIENCE);
        self.run();
        while !self.replies.contains_key(&ticket.number) && self.step(end) {}
        let none = || Error::new(FailureKind::NoReply.code(), "there is no reply within an hour");
        self.reply(ticket).ok_or_else(none)?
    }

    /// Sends a message as the client. Nothing runs yet.
    pub fn post<R>(&mut self, call: Call<R>) -> Ticket<R> {
        self.next += 1;
        let number = self.next;
        let (method, args) = (call.method().to_owned(), call.args());
        let expiry = self.time.saturating_add(Message::EXPIRY_MAX);
        self.submit(call.target(), Letter::Client { ticket: number, method, args, expiry });
        Ticket::new(number)
    }

    /// Takes the reply to a message, if it is there.
    ///
    /// # Panics
    ///
    /// If the reply is not of the method's type.
    pub fn reply<R: DeserializeOwned>(&mut self, ticket: &Ticket<R>) -> Option<Result<R, Error>> {
        Some(read(self.replies.remove(&ticket.number)?))
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
    pub fn view<R: DeserializeOwned>(&mut self, call: &Call<R>) -> Result<R, Error> {
        let time = self.time;
        let process = self.processes.get(&call.target()).expect("the process is born");
        let down = || Error::new(RefusalCode::Unreachable.word(), "the process is down");
        read(process.view(time, call.method(), call.args()).ok_or_else(down)?)
    }

    /// Delivers until nothing is under way to a process that can be reached. No time passes.
    pub fn run(&mut self) {
        while let Some((from, to)) = self.choose() {
            self.deliver(from, to);
        }
    }

    /// Lets a while pass; timers and deadlines come when they are due.
    pub fn pass(&mut self, span: Duration) {
        let end = self.time.saturating_add(timer::milliseconds(span));
        self.run();
        while self.step(end) {}
        self.time = end;
    }

    /// Lets time pass to whatever comes next, and runs it. Tells whether anything comes until then.
    pub(crate) fn step(&mut self, end: Timestamp) -> bool {
        let passed = self.pass_to_next(end);
        if passed {
            self.run();
        }
        passed
    }

    /// The virtual time.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// How many slots all processes have had.
    pub const fn slots(&self) -> u64 {
        self.slots
    }

    /// The processes that are born, by id.
    pub fn processes(&self) -> impl Iterator<Item = ProcessId> {
        self.processes.keys().copied()
    }
}

impl Drop for Sim {
    #[expect(clippy::print_stderr, reason = "it is what a failed test shows")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test failed at {} ms of Sim::seeded({})", self.time.get(), self.seed);
        }
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.seed)
            .field("time", &self.time)
            .field("processes", &self.processes.keys())
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

fn id_of(spawn: &[u8]) -> ProcessId {
    ProcessId::of_spawn(EntryId::from_bytes(*Spawn::DOMAIN.digest(&[spawn]).as_bytes()))
}

fn read<R: DeserializeOwned>(result: GuestResult) -> Result<R, Error> {
    match result {
        GuestResult::Reply(reply) => {
            Ok(cbor::from_slice(&reply).expect("a reply is of the method's type"))
        }
        GuestResult::Error { code, detail } => Err(Error::new(code, detail)),
        other => panic!("no reply: {other:?}"),
    }
}

#[cfg(test)]
mod tests;
