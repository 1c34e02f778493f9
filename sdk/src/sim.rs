//! Many actors in one native test: no Wasm, no units, virtual time.
//!
//! Encoded inputs go into a [`Runtime`] per process and its encoded outputs come back as inputs of
//! others, as compute units and messengers would see to. Messages of one process to another keep
//! their order; between pairs the seed chooses. Equal seeds give equal runs.
//!
//! It does not undo a slot that panics (the test fails instead), counts no gas and keeps no log.

mod process;

use std::{
    any::type_name,
    collections::{BTreeMap, BTreeSet, VecDeque},
    marker::PhantomData,
    time::Duration,
};

use protocol::{
    Acceptance, AccountId, Body, ComputePolicy, Domain, EntryId, FailureKind, Kind, Limits,
    ModuleId, NetworkId, Principal, ProcessId, Profile, Signature, Spawn, Timestamp, UnitId, V1,
    abi::{AnswerInput, GuestResult},
    codec,
};
use serde::de::DeserializeOwned;

use self::process::Process;
use crate::{Actor, ActorRef, Args, Call, Error, ModuleRef, Runtime, cbor, timer};

/// How long a client waits in virtual time, in milliseconds.
const CLIENT_PATIENCE: u64 = 60 * 60 * 1_000;

/// How many slots one run may take: actors that talk for ever fail the test.
const SLOTS_MAX: u64 = 1_000_000;

/// What is under way to a process.
#[derive(Debug)]
enum Letter {
    Birth { spawn: Vec<u8>, parent: Option<u64> },
    Client { ticket: u64, method: String, args: Vec<u8> },
    Tell { method: String, args: Vec<u8> },
    Ask { token: u64, method: String, args: Vec<u8>, deadline: Timestamp },
    Answer { token: u64, answer: AnswerInput },
    Expired { token: u64 },
    Timer { token: u64 },
}

/// Runs some actor. One method of the contract, whatever the type of the actor.
type Handle = Box<dyn FnMut(bool, &[u8]) -> Vec<u8>>;

/// A message that was sent, whose reply may come later.
#[derive(Debug)]
#[must_use = "the reply is taken by it"]
pub struct Ticket<R> {
    number: u64,
    reply: PhantomData<fn() -> R>,
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
    time: Timestamp,
    random: u64,
    modules: BTreeMap<ModuleId, fn() -> Handle>,
    processes: BTreeMap<ProcessId, Process>,
    /// From whom and to whom, in order. A client is its ticket's own source.
    under_way: BTreeMap<(Principal, ProcessId), VecDeque<Letter>>,
    cut_off: BTreeSet<ProcessId>,
    refusing: BTreeSet<ProcessId>,
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
        Self { random: seed | 1 << 63, ..Self::default() }
    }

    /// The module of an actor type, which children can be spawned of from now on.
    pub fn module<A: Actor + 'static>(&mut self) -> ModuleRef {
        let schema = Domain::Spawn.digest(&[type_name::<A>().as_bytes(), A::SCHEMA]);
        let module = ModuleId::from_bytes(*schema.as_bytes());
        self.modules.insert(module, host::<A>);
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
        let end = self.time.saturating_add(CLIENT_PATIENCE);
        self.run();
        while !self.replies.contains_key(&ticket.number) && self.pass_to_next(end) {
            self.run();
        }
        let none = || Error::new(FailureKind::NoReply.code(), "there is no reply within an hour");
        self.reply(&ticket).ok_or_else(none)?
    }

    /// Sends a message as the client. Nothing runs yet.
    pub fn post<R>(&mut self, call: Call<R>) -> Ticket<R> {
        self.next += 1;
        let number = self.next;
        let (method, args) = (call.method().to_owned(), call.args());
        let letter = Letter::Client { ticket: number, method, args };
        self.put(Self::CLIENT.into(), call.target(), letter);
        Ticket { number, reply: PhantomData }
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
        let process = self.processes.get_mut(&call.target()).expect("the process is born");
        read(process.view(time, call.method(), call.args()))
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
        while self.pass_to_next(end) {
            self.run();
        }
        self.time = end;
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

    /// Delivers nothing to a process until [`reach`](Self::reach): asks of it expire, and nobody
    /// knows their effect.
    pub fn cut_off(&mut self, process: impl Into<ProcessId>) {
        self.cut_off.insert(process.into());
    }

    /// Refuses all that others ask of a process until [`reach`](Self::reach): it has no effect.
    pub fn refuse(&mut self, process: impl Into<ProcessId>) {
        self.refusing.insert(process.into());
    }

    /// Delivers to a process again.
    pub fn reach(&mut self, process: impl Into<ProcessId>) {
        let process = process.into();
        self.cut_off.remove(&process);
        self.refusing.remove(&process);
    }

    fn put(&mut self, from: Principal, to: ProcessId, letter: Letter) {
        self.under_way.entry((from, to)).or_default().push_back(letter);
    }

    /// One of the pairs whose next letter can be delivered.
    fn choose(&mut self) -> Option<(Principal, ProcessId)> {
        let ready: Vec<_> =
            self.under_way.keys().filter(|(_, to)| !self.cut_off.contains(to)).copied().collect();
        // Xorshift, as by Marsaglia.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let at = self.random.checked_rem(ready.len() as u64)?;
        ready.get(usize::try_from(at).ok()?).copied()
    }

    fn deliver(&mut self, from: Principal, to: ProcessId) {
        let Some(letters) = self.under_way.get_mut(&(from, to)) else { return };
        let letter = letters.pop_front();
        if letters.is_empty() {
            self.under_way.remove(&(from, to));
        }
        let Some(letter) = letter else { return };
        self.slots += 1;
        assert!(self.slots < SLOTS_MAX, "the actors talk for ever");
        if let Letter::Birth { spawn, parent } = letter {
            return self.bear(from, to, spawn, parent);
        }
        if let (Letter::Ask { token, .. }, Principal::Process(source)) = (&letter, from) {
            let asker = self.processes.get(&source);
            // What is not asked any more is passed over.
            if !asker.is_some_and(|asker| asker.asks(*token, to)) {
                return;
            }
            if self.refusing.contains(&to) || !self.processes.contains_key(&to) {
                let kind = if self.processes.contains_key(&to) {
                    FailureKind::Refused
                } else {
                    FailureKind::NoSuchProcess
                };
                return self.put(to.into(), source, refusal(*token, kind));
            }
        }
        let Some(process) = self.processes.get_mut(&to) else { return };
        let sent = process.handle(self.time, from, letter);
        self.take(to, sent);
    }

    /// Makes a process, and tells its parent.
    fn bear(&mut self, from: Principal, id: ProcessId, spawn: Vec<u8>, parent: Option<u64>) {
        let body: Spawn = codec::decode(&spawn).expect("a child's spawn is canonical");
        let made = self.modules.get(&body.module).map(|host| {
            let mut process = Process::new(id, &body, host());
            let sent = process.bear(self.time, spawn, &body);
            (process, sent)
        });
        let (born, sent) = match made {
            Some((process, Ok(sent))) => {
                self.processes.insert(id, process);
                (Ok(()), sent)
            }
            Some((_, Err(kind))) => (Err(kind), Vec::new()),
            None => (Err(FailureKind::Refused), Vec::new()),
        };
        self.take(id, sent);
        if let (Some(token), Principal::Process(parent)) = (parent, from) {
            let letter = match born {
                Ok(()) => Letter::Answer { token, answer: AnswerInput::Reply(cbor::NULL.to_vec()) },
                Err(kind) => refusal(token, kind),
            };
            self.put(id.into(), parent, letter);
        }
    }

    /// Takes what a process sends: letters, and replies to clients.
    fn take(&mut self, from: ProcessId, sent: Vec<process::Sent>) {
        for sent in sent {
            match sent {
                process::Sent::Letter(to, letter) => self.put(from.into(), to, letter),
                process::Sent::Reply(ticket, result) => {
                    self.replies.insert(ticket, result);
                }
            }
        }
    }

    /// Lets time pass to the next timer or deadline, if there is one until then.
    fn pass_to_next(&mut self, end: Timestamp) -> bool {
        let due = |(id, process): (&ProcessId, &Process)| Some((process.next_due()?, *id));
        let Some((due, id)) = self.processes.iter().filter_map(due).min() else { return false };
        if due > end {
            return false;
        }
        self.time = self.time.max(due);
        let letter = self.processes.get_mut(&id).and_then(|process| process.take_due(self.time));
        if let Some(letter) = letter {
            // By the process itself: what is due does not wait for what others have sent.
            let time = self.time;
            let process = self.processes.get_mut(&id).expect("it was there just now");
            let sent = process.handle(time, id.into(), letter);
            self.take(id, sent);
        }
        true
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("time", &self.time)
            .field("processes", &self.processes.keys())
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

fn host<A: Actor + 'static>() -> Handle {
    let mut runtime = Runtime::<A>::new();
    Box::new(move |view, input| if view { runtime.view(input) } else { runtime.handle(input) })
}

fn id_of(spawn: &[u8]) -> ProcessId {
    ProcessId::of_spawn(EntryId::from_bytes(*Spawn::DOMAIN.digest(&[spawn]).as_bytes()))
}

fn refusal(token: u64, kind: FailureKind) -> Letter {
    let (code, detail) = (kind.code().to_owned(), kind.detail().to_owned());
    // That a process is nowhere cannot be proven; a scheduler's refusal is its signed word.
    let effect = if kind == FailureKind::NoSuchProcess { 2 } else { 0 };
    Letter::Answer { token, answer: AnswerInput::System { code, detail, effect } }
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
