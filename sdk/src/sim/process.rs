//! One process of a simulation: a runtime, and the table that a compute unit keeps beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use protocol::{
    Body, Domain, EntryId, FailureKind, Gas, Limits, Principal, ProcessId, Slot, Spawn, Timestamp,
    abi::{self, AnswerInput, GuestEffect, GuestResult, Input, Output},
    codec,
};

use super::{
    CLIENT_PATIENCE, Letter,
    answers::{Caller, Sent, failed, failure, reply, system},
    host::{Difference, Host, LoggedSlot, Make},
    id_of,
    wants::{Wants, cost},
};

/// How long after its deadline a call stays open, in milliseconds.
const GRACE: u64 = 10_000;

/// What brings a slot about that nobody waits for.
struct Cause {
    token: u64,
    /// The call on whose behalf it is.
    call: Option<u64>,
}

struct OpenAsk {
    target: ProcessId,
    deadline: Timestamp,
    call: Option<u64>,
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
    call: Option<u64>,
}

/// A slot before it is handled.
struct Begun {
    input: Input,
    caller: Option<(Caller, Timestamp)>,
    cause: Option<Cause>,
}

/// A runtime, and the table that a compute unit keeps beside it.
pub(super) struct Process {
    id: ProcessId,
    host: Host,
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
    /// Tokens whose handler failed since the actor last handled anything.
    lost: BTreeSet<u64>,
}

impl Process {
    pub(super) fn new(id: ProcessId, spawn: &Spawn, make: Make) -> Self {
        Self {
            id,
            host: Host::new(make),
            next: 0,
            controller: spawn.controller,
            network: spawn.network,
            profile: spawn.profile,
            limits: spawn.limits,
            children: spawn.limits.children.unwrap_or(0),
            asks: BTreeMap::new(),
            calls: BTreeMap::new(),
            timers: BTreeMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Handles slot 0. Gives what the parent is told if there is no birth.
    pub(super) fn bear(
        &mut self,
        time: Timestamp,
        bytes: Vec<u8>,
        spawn: &Spawn,
    ) -> Result<Vec<Sent>, AnswerInput> {
        let context = self.context(time, spawn.sender, None);
        let input = Input::Init { context, args: spawn.args.clone(), spawn: Some(bytes) };
        let output = self.execute(&input).map_err(|kind| system(kind, 0))?;
        match output.result {
            GuestResult::Reply(_) => Ok(self.settle(time, output.effects)),
            GuestResult::Error { code, detail } => {
                Err(AnswerInput::Error { code, detail, effect: 0 })
            }
            GuestResult::Later | GuestResult::Held => panic!("a birth is over at once"),
        }
    }

    /// Answers a view; none while it is down.
    pub(super) fn view(&self, time: Timestamp, method: &str, args: Vec<u8>) -> Option<GuestResult> {
        let context = self.context(time, Principal::Anonymous, None);
        let context = abi::Context { lost: None, ..context };
        let input = Input::View { context, method: method.to_owned(), args };
        if !self.host.is_up() {
            return None;
        }
        let output = self.host.view(&codec::encode(&input));
        Some(output.map_or_else(|| failure(FailureKind::Trapped), |output| output.result))
    }

    /// Whether there is a runtime.
    pub(super) const fn is_up(&self) -> bool {
        self.host.is_up()
    }

    /// Every slot so far.
    pub(super) fn log(&self) -> &[LoggedSlot] {
        self.host.log()
    }

    /// Loses the runtime.
    pub(super) fn crash(&mut self) {
        self.host.crash(self.saving());
    }

    /// Makes the runtime again from the log.
    pub(super) fn restart(&mut self) -> Result<(), Difference> {
        self.host.restart(self.saving())
    }

    /// Runs the log again, apart from the process itself.
    pub(super) fn check_replay(&self) -> Result<(), Difference> {
        self.host.replay(self.saving()).map(drop)
    }

    /// Where a state is saved.
    fn saving(&self) -> abi::Context {
        self.context(Timestamp::ZERO, Principal::Anonymous, None)
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
        let Some(Begun { input, caller, cause }) = self.begin(time, from, letter) else {
            return Vec::new();
        };
        let mut sent = Vec::new();
        match self.execute(&input) {
            Err(kind) => self.undo(kind, caller.map(|(caller, _)| caller), cause, &mut sent),
            Ok(Output { result, effects, .. }) => {
                let ended = matches!(result, GuestResult::Reply(_) | GuestResult::Error { .. });
                assert!(ended || caller.is_some(), "nobody waits for a reply to {input:?}");
                if let Some((caller, deadline)) = caller.filter(|_| !ended) {
                    // Before the effects: one of them may answer it.
                    let until = deadline.saturating_add(GRACE);
                    let held = result == GuestResult::Held;
                    self.calls.insert(slot, OpenCall { caller, until, held });
                }
                sent = self.settle(time, effects);
                if let Some((caller, _)) = caller.filter(|_| ended) {
                    sent.push(reply(caller, result));
                }
            }
        }
        self.end_calls(time, &mut sent);
        sent
    }

    /// What a letter comes to; none if nothing waits for it any more.
    fn begin(&mut self, time: Timestamp, from: Principal, letter: Letter) -> Option<Begun> {
        let call = Some(self.next);
        let begun = match letter {
            Letter::Birth { .. } => panic!("a process is born once"),
            Letter::Client { ticket, method, args, .. } => {
                let context = self.context(time, from, None);
                let deadline = time.saturating_add(CLIENT_PATIENCE);
                let input = Input::Call { context, method, args, call };
                Begun { input, caller: Some((Caller::Client(ticket), deadline)), cause: None }
            }
            Letter::Ask { token, method, args, deadline } => {
                let Principal::Process(source) = from else { panic!("processes ask") };
                let context = self.context(time, from, Some(deadline));
                let input = Input::Call { context, method, args, call };
                let caller = Some((Caller::Ask { source, token }, deadline));
                Begun { input, caller, cause: None }
            }
            Letter::Tell { method, args } => {
                let context = self.context(time, from, None);
                let input = Input::Call { context, method, args, call: None };
                Begun { input, caller: None, cause: None }
            }
            Letter::Answer { token, answer } => self.answered(time, token, answer)?,
            Letter::Expired { token } => {
                self.answered(time, token, system(FailureKind::Expired, 2))?
            }
            Letter::Timer { token } => self.fire(time, token)?,
        };
        Some(begun)
    }

    /// What an answer comes to. It is sent by the process that was asked, whoever brings it.
    fn answered(&mut self, time: Timestamp, token: u64, answer: AnswerInput) -> Option<Begun> {
        let OpenAsk { target, call, .. } = self.asks.remove(&token)?;
        let context = self.context(time, target.into(), None);
        let input = Input::Answer { context, token, answer };
        Some(Begun { input, caller: None, cause: Some(Cause { token, call }) })
    }

    /// Answers for a slot that is undone, and for what waits in vain since.
    fn undo(
        &mut self,
        kind: FailureKind,
        caller: Option<Caller>,
        cause: Option<Cause>,
        sent: &mut Vec<Sent>,
    ) {
        if let Some(caller) = caller {
            sent.push(failed(caller, kind, 0));
        }
        if let Some(Cause { token, call }) = cause {
            self.lost.insert(token);
            // The call has committed when it began to wait.
            let open = call.and_then(|call| self.calls.remove(&call));
            sent.extend(open.map(|open| failed(open.caller, kind, 1)));
        }
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
            lost: (!self.lost.is_empty()).then(|| self.lost.iter().copied().collect()),
        }
    }

    /// Handles a slot. Nothing of one that fails happens.
    fn execute(&mut self, input: &Input) -> Result<Output, FailureKind> {
        let wants = Wants::new(&self.limits, self.children, self.asks.len(), self.timers.keys());
        self.next += 1;
        let output =
            self.host.handle(codec::encode(input), |output| wants.check(&output.effects))?;
        // They were handed over with this slot.
        self.lost.clear();
        Ok(output)
    }

    /// What a timer comes to that is set.
    fn fire(&mut self, time: Timestamp, token: u64) -> Option<Begun> {
        let context = self.context(time, self.id.into(), None);
        let timer = self.timers.get_mut(&token)?;
        let (method, args) = (timer.method.clone(), timer.args.clone());
        let (occurrence, call) = (timer.occurrence, timer.call);
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
        let input = Input::Timer { context, token, occurrence, method, args };
        Some(Begun { input, caller: None, cause: Some(Cause { token, call }) })
    }

    /// Does what a slot wants done, which was checked.
    fn settle(&mut self, time: Timestamp, effects: Vec<GuestEffect>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for effect in effects {
            match effect {
                GuestEffect::Tell { target, method, args, .. } => {
                    sent.push(Sent::Letter(target, Letter::Tell { method, args }));
                }
                GuestEffect::Ask { target, method, args, token, patience, call, .. } => {
                    let deadline = time.saturating_add(patience);
                    self.open(token, OpenAsk { target, deadline, call });
                    sent.push(Sent::Letter(target, Letter::Ask { token, method, args, deadline }));
                }
                GuestEffect::Spawn { spawn, token, patience, call } => {
                    let (target, deadline) = (id_of(&spawn), time.saturating_add(patience));
                    self.take_child(&spawn);
                    self.open(token, OpenAsk { target, deadline, call });
                    sent.push(Sent::Letter(target, Letter::Birth { spawn, parent: Some(token) }));
                }
                GuestEffect::Reply { call, result } => {
                    // The actor cannot know of a call that has ended.
                    let open = self.calls.remove(&call);
                    sent.extend(open.map(|open| reply(open.caller, result)));
                }
                GuestEffect::SetTimer { token, due, every, catch_up, method, args, call } => {
                    let occurrence = 0;
                    let timer = SetTimer { due, every, catch_up, occurrence, method, args, call };
                    self.timers.insert(token, timer);
                }
                GuestEffect::CancelTimer { token } => drop(self.timers.remove(&token)),
                GuestEffect::Log { .. } | GuestEffect::Event { .. } => {}
                GuestEffect::SpawnBare { .. } => panic!("no profile has bare spawns"),
            }
        }
        sent
    }

    fn open(&mut self, token: u64, ask: OpenAsk) {
        let before = self.asks.insert(token, ask);
        assert!(before.is_none(), "the token {token} is in use");
    }

    fn take_child(&mut self, spawn: &[u8]) {
        let child: Spawn = codec::decode(spawn).expect("a child's spawn is canonical");
        assert_eq!(child.sender, self.id.into(), "a parent spawns for itself");
        assert_eq!((child.network, child.profile), (self.network, self.profile));
        assert_eq!(child.check(), Ok(()));
        self.children = self.children.saturating_sub(cost(&child));
    }

    /// Ends calls that nobody waits for any more, or that nothing can answer.
    fn end_calls(&mut self, time: Timestamp, sent: &mut Vec<Sent>) {
        let idle = self.asks.is_empty() && self.timers.is_empty();
        let ended = self.calls.extract_if(.., |_, call| time > call.until || idle && !call.held);
        for (_, call) in ended {
            let late = time > call.until;
            if matches!(call.caller, Caller::Client(_)) || !late {
                sent.push(failed(call.caller, FailureKind::NoReply, 1));
            }
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
