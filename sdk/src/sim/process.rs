//! One process of a simulation: a runtime, and the table that a compute unit keeps beside it.

use std::{collections::BTreeMap, fmt};

use protocol::{
    Body, Domain, EntryId, FailureKind, Gas, Limits, Principal, ProcessId, Slot, Spawn, Timestamp,
    abi::{self, AnswerInput, GuestEffect, GuestResult, Input, Output},
    codec,
};

use super::{CLIENT_PATIENCE, Handle, Letter, id_of};

/// How long after its deadline a call stays open, in milliseconds.
const GRACE: u64 = 10_000;

/// What a process sends in a slot.
pub(super) enum Sent {
    Letter(ProcessId, Letter),
    /// To the client that has this ticket.
    Reply(u64, GuestResult),
}

/// Who waits for a call's reply.
#[derive(Clone, Copy)]
enum Caller {
    Client(u64),
    Ask { source: ProcessId, token: u64 },
}

struct OpenAsk {
    target: ProcessId,
    deadline: Timestamp,
}

struct OpenCall {
    caller: Caller,
    until: Timestamp,
    held: bool,
}

struct SetTimer {
    due: Timestamp,
    every: Option<u64>,
    catch_up: bool,
    occurrence: u64,
    method: String,
    args: Vec<u8>,
}

/// A runtime, and the table that a compute unit keeps beside it.
pub(super) struct Process {
    id: ProcessId,
    handle: Handle,
    next: u64,
    controller: Principal,
    network: protocol::NetworkId,
    profile: protocol::ProfileId,
    limits: Limits,
    /// How many processes may still be spawned.
    children: u32,
    /// By token.
    asks: BTreeMap<u64, OpenAsk>,
    /// By slot.
    calls: BTreeMap<u64, OpenCall>,
    /// By token.
    timers: BTreeMap<u64, SetTimer>,
}

impl Process {
    pub(super) fn new(id: ProcessId, spawn: &Spawn, handle: Handle) -> Self {
        Self {
            id,
            handle,
            next: 0,
            controller: spawn.controller,
            network: spawn.network,
            profile: spawn.profile,
            limits: spawn.limits,
            children: spawn.limits.children.unwrap_or(0),
            asks: BTreeMap::new(),
            calls: BTreeMap::new(),
            timers: BTreeMap::new(),
        }
    }

    /// Handles slot 0.
    pub(super) fn bear(
        &mut self,
        time: Timestamp,
        bytes: Vec<u8>,
        spawn: &Spawn,
    ) -> Result<Vec<Sent>, FailureKind> {
        let context = self.context(time, spawn.sender, None);
        let input = Input::Init { context, args: spawn.args.clone(), spawn: Some(bytes) };
        let output = self.execute(&input);
        match output.result {
            GuestResult::Reply(_) => Ok(self.settle(time, output.effects)),
            _ => Err(FailureKind::NotBorn),
        }
    }

    /// Answers a view.
    pub(super) fn view(&mut self, time: Timestamp, method: &str, args: Vec<u8>) -> GuestResult {
        let context = self.context(time, Principal::Anonymous, None);
        let input = Input::View { context, method: method.to_owned(), args };
        let output = (self.handle)(true, &codec::encode(&input));
        codec::decode::<Output>(&output).expect("an output is canonical").result
    }

    /// Whether an ask of a target is open.
    pub(super) fn asks(&self, token: u64, target: ProcessId) -> bool {
        self.asks.get(&token).is_some_and(|ask| ask.target == target)
    }

    /// When the next timer or deadline is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let asks = self.asks.values().map(|ask| ask.deadline);
        asks.chain(self.timers.values().map(|timer| timer.due)).min()
    }

    /// A timer or a deadline that is due.
    pub(super) fn take_due(&self, time: Timestamp) -> Option<Letter> {
        let asks = self.asks.iter().map(|(token, ask)| (ask.deadline, *token, false));
        let timers = self.timers.iter().map(|(token, timer)| (timer.due, *token, true));
        let (_, token, timer) = asks.chain(timers).filter(|(due, ..)| *due <= time).min()?;
        Some(if timer { Letter::Timer { token } } else { Letter::Expired { token } })
    }

    /// Handles what has come, in the next slot.
    pub(super) fn handle(&mut self, time: Timestamp, from: Principal, letter: Letter) -> Vec<Sent> {
        let slot = self.next;
        let mut caller = None;
        let input = match letter {
            Letter::Birth { .. } => panic!("a process is born once"),
            Letter::Client { ticket, method, args } => {
                caller = Some((Caller::Client(ticket), time.saturating_add(CLIENT_PATIENCE)));
                let context = self.context(time, from, None);
                Input::Call { context, method, args, call: Some(slot) }
            }
            Letter::Ask { token, method, args, deadline } => {
                let Principal::Process(source) = from else { panic!("processes ask") };
                caller = Some((Caller::Ask { source, token }, deadline));
                let context = self.context(time, from, Some(deadline));
                Input::Call { context, method, args, call: Some(slot) }
            }
            Letter::Tell { method, args } => {
                Input::Call { context: self.context(time, from, None), method, args, call: None }
            }
            Letter::Answer { token, answer } => {
                let Some(_) = self.asks.remove(&token) else { return Vec::new() };
                Input::Answer { context: self.context(time, from, None), token, answer }
            }
            Letter::Expired { token } => {
                let Some(_) = self.asks.remove(&token) else { return Vec::new() };
                let kind = FailureKind::Expired;
                let (code, detail) = (kind.code().to_owned(), kind.detail().to_owned());
                let answer = AnswerInput::System { code, detail, effect: 2 };
                Input::Answer { context: self.context(time, from, None), token, answer }
            }
            Letter::Timer { token } => match self.fire(time, token) {
                Some(input) => input,
                None => return Vec::new(),
            },
        };
        let output = self.execute(&input);
        let ended = matches!(output.result, GuestResult::Reply(_) | GuestResult::Error { .. });
        assert!(ended || caller.is_some(), "nobody waits for a reply to {input:?}");
        if let Some((caller, deadline)) = caller.filter(|_| !ended) {
            // Before the effects: one of them may answer it.
            let until = deadline.saturating_add(GRACE);
            let held = output.result == GuestResult::Held;
            self.calls.insert(slot, OpenCall { caller, until, held });
        }
        let mut sent = self.settle(time, output.effects);
        if let Some((caller, _)) = caller.filter(|_| ended) {
            sent.push(reply(caller, output.result));
        }
        self.end_calls(time, &mut sent);
        sent
    }

    fn context(
        &self,
        time: Timestamp,
        sender: Principal,
        deadline: Option<Timestamp>,
    ) -> abi::Context {
        abi::Context {
            process: self.id,
            slot: Slot::new(self.next),
            time,
            sender,
            controller: self.controller,
            message: EntryId::from_bytes([0; 32]),
            seed: Domain::Seed.digest(&[self.id.as_bytes(), &self.next.to_le_bytes()]),
            gas: Gas::new(self.limits.gas),
            deadline,
            lost: None,
        }
    }

    fn execute(&mut self, input: &Input) -> Output {
        self.next += 1;
        let output = (self.handle)(false, &codec::encode(input));
        codec::decode(&output).expect("an output is canonical")
    }

    /// The input of a timer that is set.
    fn fire(&mut self, time: Timestamp, token: u64) -> Option<Input> {
        let context = self.context(time, self.id.into(), None);
        let timer = self.timers.get_mut(&token)?;
        let (method, args) = (timer.method.clone(), timer.args.clone());
        let occurrence = timer.occurrence;
        match timer.every {
            Some(every) => {
                // Without catching up, the latest that is due.
                let missed = time.get().saturating_sub(timer.due.get()) / every;
                let passed = if timer.catch_up { 1 } else { missed + 1 };
                timer.occurrence += passed;
                timer.due = timer.due.saturating_add(passed.saturating_mul(every));
            }
            None => drop(self.timers.remove(&token)),
        }
        Some(Input::Timer { context, token, occurrence, method, args })
    }

    /// Does what a slot wants done. The guest contract is checked as a unit would.
    fn settle(&mut self, time: Timestamp, effects: Vec<GuestEffect>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for effect in effects {
            match effect {
                GuestEffect::Tell { target, method, args, .. } => {
                    sent.push(Sent::Letter(target, Letter::Tell { method, args }));
                }
                GuestEffect::Ask { target, method, args, token, patience, .. } => {
                    let deadline = time.saturating_add(patience);
                    self.open(token, target, deadline);
                    sent.push(Sent::Letter(target, Letter::Ask { token, method, args, deadline }));
                }
                GuestEffect::Spawn { spawn, token, patience, .. } => {
                    let id = id_of(&spawn);
                    self.check_child(&spawn);
                    self.open(token, id, time.saturating_add(patience));
                    sent.push(Sent::Letter(id, Letter::Birth { spawn, parent: Some(token) }));
                }
                GuestEffect::Reply { call, result } => {
                    let open = self.calls.remove(&call).expect("an open call is answered");
                    sent.push(reply(open.caller, result));
                }
                GuestEffect::SetTimer { token, due, every, catch_up, method, args, .. } => {
                    assert!(every != Some(0), "a period has a millisecond");
                    let timer = SetTimer { due, every, catch_up, occurrence: 0, method, args };
                    self.timers.insert(token, timer);
                    assert!(self.timers.len() <= self.limits.timers as usize, "too many timers");
                }
                GuestEffect::CancelTimer { token } => drop(self.timers.remove(&token)),
                GuestEffect::Log { .. } | GuestEffect::Event { .. } => {}
                GuestEffect::SpawnBare { .. } => panic!("no profile has bare spawns"),
            }
        }
        sent
    }

    fn open(&mut self, token: u64, target: ProcessId, deadline: Timestamp) {
        let before = self.asks.insert(token, OpenAsk { target, deadline });
        assert!(before.is_none(), "the token {token} is in use");
        assert!(self.asks.len() <= self.limits.open_asks as usize, "too many open asks");
    }

    fn check_child(&mut self, spawn: &[u8]) {
        let child: Spawn = codec::decode(spawn).expect("a child's spawn is canonical");
        assert_eq!(child.sender, self.id.into(), "a parent spawns for itself");
        assert_eq!((child.network, child.profile), (self.network, self.profile));
        assert_eq!(child.check(), Ok(()));
        let taken = 1 + child.limits.children.unwrap_or(0);
        self.children = self.children.checked_sub(taken).expect("no more children than allowed");
    }

    /// Ends calls that nobody waits for any more, or that nothing can answer.
    fn end_calls(&mut self, time: Timestamp, sent: &mut Vec<Sent>) {
        let idle = self.asks.is_empty() && self.timers.is_empty();
        let ended = self.calls.extract_if(.., |_, call| time > call.until || idle && !call.held);
        for (_, call) in ended {
            let late = time > call.until;
            if matches!(call.caller, Caller::Client(_)) || !late {
                let kind = FailureKind::NoReply;
                let (code, detail) = (kind.code().to_owned(), kind.detail().to_owned());
                sent.push(match call.caller {
                    Caller::Client(ticket) => {
                        Sent::Reply(ticket, GuestResult::Error { code, detail })
                    }
                    Caller::Ask { source, token } => {
                        let answer = AnswerInput::System { code, detail, effect: 1 };
                        Sent::Letter(source, Letter::Answer { token, answer })
                    }
                });
            }
        }
    }
}

/// An answer under way to whoever waits.
fn reply(caller: Caller, result: GuestResult) -> Sent {
    match caller {
        Caller::Client(ticket) => Sent::Reply(ticket, result),
        Caller::Ask { source, token } => {
            let answer = match result {
                GuestResult::Reply(reply) => AnswerInput::Reply(reply),
                GuestResult::Error { code, detail } => {
                    AnswerInput::Error { code, detail, effect: 1 }
                }
                GuestResult::Later | GuestResult::Held => panic!("an answer comes once"),
            };
            Sent::Letter(source, Letter::Answer { token, answer })
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("id", &self.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
