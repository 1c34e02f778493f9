//! Upgrades: the state goes from one module to the next, or nothing changes.
//!
//! # Invariants
//!
//! - Until the next module has taken the state, memory, globals and host table are as they were.
//! - Both modules together use no more gas than a slot may.

use protocol::{
    AskAnswer, ControlAction, Effect, Entry, Failure, FailureKind, Gas, ModuleId, Reply,
    abi::{Context, Input, SavedState},
    codec,
};

use super::{Process, Ran, acts::Acts, failure_of, ledger::Ledger};
use crate::{
    instance::{Export, Fault, GenesisError, HostFault, Instance},
    module::Successor,
    output::{self, Effects, Owner, Said},
};

/// An upgrade that is begun.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// Where and when.
    pub(super) context: Context,
    /// Whether the memory image is handed over instead of what the module saves.
    pub(super) raw: bool,
}

/// What a module says to a state that it is given.
type Taken = Result<(Vec<u8>, Effects), Reply>;

impl Process {
    /// The module that must be at hand to execute an entry next.
    pub(crate) fn upgrade_of(&self, entry: &Entry) -> Option<ModuleId> {
        let Entry::Control(control) = entry else { return None };
        match &control.unverified().action {
            ControlAction::Upgrade { module, .. } if self.instance.is_ok() && self.rules.asks() => {
                Some(*module)
            }
            _ => None,
        }
    }

    /// Hands the state to the next module. A failure leaves nothing but its gas.
    pub(super) fn upgrade(
        &mut self,
        upgrade: Upgrade,
        successor: Option<&Successor>,
        acts: &mut Acts,
    ) -> Result<Ran, HostFault> {
        let module = match successor.ok_or(HostFault::NoModule)? {
            Successor::Ready(module) => module,
            Successor::Unfit => return Ok(failed(FailureKind::BadModule, 0)),
        };
        let mut instance = match Instance::genesis(module, &self.spawn.limits) {
            Ok(instance) => instance,
            Err(GenesisError::MemoryLimit { .. }) => {
                return Ok(failed(FailureKind::OutOfMemory, 0));
            }
            Err(GenesisError::Host(fault)) => return Err(fault),
        };
        let (saved, saving) = self.take_state(&upgrade)?;
        let saved = match saved {
            Ok(saved) => saved,
            Err(kind) => return Ok(failed(kind, saving)),
        };
        instance.set_pause(self.instance.as_mut().ok().and_then(Instance::pause));
        let left = self.spawn.limits.gas.saturating_sub(saving);
        let (taken, loading) = self.give_state(&mut instance, upgrade.context, saved, left)?;
        let gas = saving.saturating_add(loading);
        let (value, Effects { logs, events, .. }) = match taken {
            Ok(taken) => taken,
            Err(reply) => return Ok(Ran::silent(reply, gas)),
        };
        self.instance = Ok(instance);
        self.module = module.id();
        self.replaced = true;
        self.ledger.forget_lost();
        self.ledger.end_upgraded(acts);
        Ok(Ran { reply: Reply::Value(value), gas, logs, events })
    }

    /// The state of the present module, and the gas that it took.
    pub(super) fn take_state(
        &mut self,
        upgrade: &Upgrade,
    ) -> Result<(Result<SavedState, FailureKind>, u64), HostFault> {
        let instance = self.instance.as_mut().expect("only what lives is upgraded");
        if upgrade.raw {
            let pieces = instance.pieces(SavedState::IMAGE_CHUNK_BYTES)?;
            let chunks = pieces.into_iter().map(Into::into).collect();
            return Ok((Ok(SavedState { version: 0, chunks, image_of: Some(self.module) }), 0));
        }
        let input = Input::Save { context: upgrade.context.clone() };
        let executed = instance.save(&codec::encode(&input), self.spawn.limits.gas)?;
        let saved = executed.result.map_err(|fault| failure_of(&fault)).and_then(|bytes| {
            let saved: Result<SavedState, _> = codec::decode(&bytes);
            // A module cannot pass off what it says as its memory.
            saved.ok().filter(|saved| saved.image_of.is_none()).ok_or(FailureKind::BadOutput)
        });
        Ok((saved, executed.gas_used))
    }

    /// Has the next module take a state, with so much gas; what it says, and the gas that it took.
    fn give_state(
        &self,
        instance: &mut Instance,
        context: Context,
        saved: SavedState,
        gas: u64,
    ) -> Result<(Taken, u64), HostFault> {
        let context = Context { gas: Gas::new(gas), ..context };
        let spawn = Some(codec::encode(&self.spawn));
        let input = codec::encode(&Input::Load { context, saved, spawn });
        let owner = Owner { id: &self.id, spawn: &self.spawn, rules: self.rules };
        let mut read = Err(failure(FailureKind::BadOutput));
        let executed = instance.execute_if(Export::Handle, &input, gas, |bytes| {
            read = output::read(bytes, owner).map_err(failure).and_then(taken);
            read.is_ok()
        })?;
        let taken = match executed.result {
            Ok(_) | Err(Fault::Refused) => read,
            Err(fault) => Err(failure(failure_of(&fault))),
        };
        Ok((taken, executed.gas_used))
    }
}

impl Ledger {
    /// Answers all calls that are open: whoever knew them is gone, and what it did for them is not
    /// known.
    fn end_upgraded(&mut self, acts: &mut Acts) {
        while let Some(slot) = self.calls.first() {
            let upgraded = Failure::of(FailureKind::Upgraded);
            self.answer_open(acts, slot, AskAnswer::Failure(upgraded, Effect::Unknown));
        }
    }
}

/// What a module says when it takes a state: nothing but a value, a log and events. Nobody waits for
/// more, and what it wants of others it can want in the next slot.
fn taken((said, effects): (Said, Effects)) -> Taken {
    match said {
        Said::Reply(Reply::Value(value)) if effects.wanted.is_empty() => Ok((value, effects)),
        Said::Reply(Reply::Value(_)) => Err(failure(FailureKind::UnsupportedEffect)),
        Said::Reply(reply) => Err(reply),
        Said::Later | Said::Held => Err(failure(FailureKind::BadOutput)),
    }
}

fn failure(kind: FailureKind) -> Reply {
    Reply::Failure(Failure::of(kind))
}

fn failed(kind: FailureKind, gas: u64) -> Ran {
    Ran::silent(failure(kind), gas)
}
