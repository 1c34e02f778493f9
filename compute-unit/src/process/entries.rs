//! What each kind of entry comes to before the module is called, and whether it is.

use protocol::{
    Answer, Assignment, Control, ControlAction, Delivery, Domain, Entry, FailureKind, Gas,
    ItemBody, Message, Principal, Signed, Slot, Timer, TimerKind, Timestamp, Verdict,
    abi::{AnswerInput, Context, Evidence, Input},
    codec,
};

use super::{
    NULL, Process,
    acts::{Acts, Place},
    answers,
    asks::Ask,
    calls::Caller,
    controller,
    upgrade::Upgrade,
};

/// What an entry comes to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are calls, and are taken apart at once")]
pub(super) enum Begun {
    /// The module is called.
    Call(Call),
    /// Another module takes the place of this one.
    Upgrade(Upgrade),
    /// The module is not called, and this value is the reply.
    Done(Vec<u8>),
}

/// A call, as it is handed to a module.
#[derive(Debug)]
pub(super) struct Call {
    /// What is handed over.
    pub(super) input: Input,
    /// Who waits for the answer.
    pub(super) caller: Option<Caller>,
    /// What is lost if the handler fails.
    pub(super) cause: Option<Cause>,
}

/// What brought a call about that nobody waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    /// How the module knows it.
    pub(super) token: u64,
    /// The call on whose behalf it was.
    pub(super) call: Option<u64>,
}

/// The process that is answered for an entry, whatever becomes of it.
pub(super) fn asker(entry: &Entry) -> Option<Caller> {
    let Entry::Delivery(Delivery { source, slot, item }) = entry else { return None };
    let deadline = match item.body {
        ItemBody::Ask { deadline, .. } => deadline,
        // A birth is over at once.
        ItemBody::Spawn(..) => Timestamp::ZERO,
        _ => return None,
    };
    Some(Caller::Asker { source: *source, slot: *slot, index: item.index, deadline })
}

impl Process {
    /// Does what an entry is for itself, and tells what the module is called with.
    ///
    /// # Errors
    ///
    /// Why the slot fails without a call.
    pub(super) fn begin(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
        acts: &mut Acts,
    ) -> Result<Begun, FailureKind> {
        if let Err(kind) = &self.instance {
            return Err(*kind);
        }
        match entry {
            Entry::Spawn(spawn) => self.init(assignment, spawn.unverified().sender),
            Entry::Message(message) => self.message(assignment, message),
            Entry::Delivery(delivery) => self.delivery(assignment, entry, delivery, acts),
            Entry::Skip(_) => Ok(done()),
            Entry::Control(control) => self.control(assignment, control.unverified()),
            Entry::Timer(timer) if self.rules.has_entry(4) => {
                Ok(self.timer(assignment, timer, acts))
            }
            Entry::Answer(answer) if self.rules.has_entry(5) => {
                Ok(self.answer(assignment, answer, acts))
            }
            Entry::Timer(_) | Entry::Answer(_) => Err(FailureKind::UnsupportedEntry),
        }
    }

    fn init(&self, assignment: &Assignment, sender: Principal) -> Result<Begun, FailureKind> {
        if assignment.slot != Slot::ZERO {
            return Err(FailureKind::UnsupportedEntry);
        }
        let spawn = self.rules.asks().then(|| codec::encode(&self.spawn));
        let context = self.context(assignment, sender, None);
        let input = Input::Init { context, args: self.spawn.args.clone(), spawn };
        Ok(called(input, None, None))
    }

    fn message(
        &self,
        assignment: &Assignment,
        message: &Signed<Message>,
    ) -> Result<Begun, FailureKind> {
        let message = message.unverified();
        let context = self.context(assignment, message.sender, None);
        let call = Some(assignment.slot.get());
        let input = match &message.evidence {
            None => {
                let (method, args) = (message.method.clone(), message.args.clone());
                Input::Call { context, method, args, call }
            }
            Some(shown) if self.rules.asks() => {
                Input::Assigned { context, evidence: evidence(shown)?, call }
            }
            Some(_) => return Err(FailureKind::UnsupportedEntry),
        };
        Ok(called(input, Some(Caller::Client), None))
    }

    fn delivery(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
        delivery: &Delivery,
        acts: &mut Acts,
    ) -> Result<Begun, FailureKind> {
        let sender = Principal::Process(delivery.source);
        match &delivery.item.body {
            ItemBody::Spawn(..) => self.init(assignment, sender),
            ItemBody::Tell { method, args } => {
                let context = self.context(assignment, sender, None);
                let (method, args) = (method.clone(), args.clone());
                Ok(called(Input::Call { context, method, args, call: None }, None, None))
            }
            ItemBody::Ask { method, args, deadline } if self.rules.asks() => {
                let context = self.context(assignment, sender, Some(*deadline));
                let (method, args) = (method.clone(), args.clone());
                let call = Some(assignment.slot.get());
                Ok(called(Input::Call { context, method, args, call }, asker(entry), None))
            }
            ItemBody::Reply { slot, index, answer } if self.rules.asks() => {
                let is_its = |ask: &Ask| ask.target == delivery.source;
                let Some(ask) = self.ledger.close(acts, (*slot, *index), is_its) else {
                    return Ok(done());
                };
                Ok(self.answered(assignment, &ask, answers::of_reply(answer)))
            }
            _ => Err(FailureKind::UnsupportedEntry),
        }
    }

    /// A control keeps the log, and may change controller or module.
    fn control(
        &mut self,
        assignment: &Assignment,
        control: &Control,
    ) -> Result<Begun, FailureKind> {
        match &control.action {
            ControlAction::Upgrade { raw, .. } if self.rules.asks() => {
                let context = self.context(assignment, control.sender, None);
                return Ok(Begun::Upgrade(Upgrade { context, raw: *raw }));
            }
            ControlAction::Upgrade { .. } => return Err(FailureKind::UnsupportedEntry),
            ControlAction::Controller(next) => controller::write(&mut self.ledger.table, next),
            _ => {}
        }
        Ok(done())
    }

    fn timer(&mut self, assignment: &Assignment, timer: &Timer, acts: &mut Acts) -> Begun {
        let place = (timer.slot, timer.index);
        match timer.kind {
            TimerKind::AskTimeout => self.timeout(assignment, place, acts, answers::expired),
            TimerKind::NoTarget => self.timeout(assignment, place, acts, answers::no_target),
            TimerKind::Timer => self.fire(assignment, place, timer.occurrence, acts),
        }
    }

    fn timeout(
        &mut self,
        assignment: &Assignment,
        place: Place,
        acts: &mut Acts,
        answer: impl FnOnce(&Ask) -> AnswerInput,
    ) -> Begun {
        let Some(ask) = self.ledger.close(acts, place, |_| true) else { return done() };
        // A number that never came shall not come later: its effect would surprise the asker.
        acts.emit(ask.target, None, ItemBody::Skip(ask.number), None);
        self.answered(assignment, &ask, answer(&ask))
    }

    fn fire(
        &mut self,
        assignment: &Assignment,
        place: Place,
        occurrence: u64,
        acts: &mut Acts,
    ) -> Begun {
        let ledger = &mut self.ledger;
        let Some((token, timer)) = ledger.timers.fire(&mut ledger.table, place, occurrence) else {
            return done();
        };
        match ledger.timers.at(place) {
            Some(next) => {
                // Past the end of time it is never due again.
                if let Some(due) = next.next_due() {
                    acts.wait(place, TimerKind::Timer, next.next, due);
                }
            }
            None => acts.closed.push(place),
        }
        let context = self.context(assignment, Principal::Process(self.id), None);
        let (method, args) = (timer.method, timer.args);
        let input = Input::Timer { context, token, occurrence, method, args };
        called(input, None, Some(Cause { token, call: timer.call }))
    }

    fn answer(&mut self, assignment: &Assignment, answer: &Answer, acts: &mut Acts) -> Begun {
        let statement = answer.statement.unverified();
        let Some(place) = self.ledger.asks.at(statement.target, statement.number) else {
            return Begun::Done(answers::told_late(statement));
        };
        let code = match statement.verdict {
            Verdict::Assigned(_) => {
                let ledger = &mut self.ledger;
                ledger.asks.assign(&mut ledger.table, place);
                return done();
            }
            Verdict::Refused(code) => code,
        };
        let Some(ask) = self.ledger.close(acts, place, |_| true) else { return done() };
        self.answered(assignment, &ask, answers::refused(&ask, code))
    }

    /// Hands an answer to the module. It is sent by the process that was asked, whoever brings it.
    fn answered(&self, assignment: &Assignment, ask: &Ask, answer: AnswerInput) -> Begun {
        let context = self.context(assignment, Principal::Process(ask.target), None);
        let input = Input::Answer { context, token: ask.token, answer };
        called(input, None, Some(Cause { token: ask.token, call: ask.call }))
    }

    /// Where and when an entry is executed.
    pub(super) fn context(
        &self,
        assignment: &Assignment,
        sender: Principal,
        deadline: Option<Timestamp>,
    ) -> Context {
        Context {
            process: self.id,
            slot: assignment.slot,
            time: assignment.time,
            sender,
            controller: self.controller(),
            message: assignment.entry,
            seed: Domain::Seed.digest(&[assignment.chain.as_bytes()]),
            gas: Gas::new(self.spawn.limits.gas),
            deadline,
            lost: self.ledger.lost(),
        }
    }
}

fn called(input: Input, caller: Option<Caller>, cause: Option<Cause>) -> Begun {
    Begun::Call(Call { input, caller, cause })
}

fn done() -> Begun {
    Begun::Done(NULL.to_vec())
}

/// The message that a message shows.
fn evidence(shown: &[u8]) -> Result<Evidence, FailureKind> {
    // Whoever let it in has checked this, and whether it is signed.
    let shown: Signed<Message> = codec::decode(shown).map_err(|_| FailureKind::UnsupportedEntry)?;
    let message = shown.digest();
    let shown = shown.unverified();
    Ok(Evidence {
        message: protocol::EntryId::from_bytes(*message.as_bytes()),
        sender: shown.sender,
        target: shown.target,
        method: shown.method.clone(),
        args: shown.args.clone(),
        expiry: shown.expiry,
    })
}
