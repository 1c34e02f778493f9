//! One process: the fold of its module over its log. Pure: no clock, no disk, no network.
//!
//! # Invariants
//!
//! - Slots are executed densely from 0, each exactly once, whatever they hold.
//! - A slot that fails leaves memory, globals and host table as before it; only its outcome, its
//!   gas and its place in the chain of receipts remain.
//! - Nothing in a log can panic a unit.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    Assignment, Delivery, Domain, Entry, Failure, FailureKind, Gas, Hash, ItemBody, OutboxItem,
    Outcome, PairNumber, PairPosition, Principal, ProcessId, ProfileId, ReceiptLeaf, Reply, Slot,
    Spawn, Timestamp, V1,
    abi::{Context, Input},
    codec,
};

use crate::{
    instance::{Export, Fault, GenesisError, HostFault, Instance, Pause},
    module::CompiledModule,
    output::{self, Effects},
};

/// A process between two slots.
#[derive(Debug)]
pub(crate) struct Process {
    id: ProcessId,
    spawn: Spawn,
    profile: ProfileId,
    instance: Result<Instance, FailureKind>,
    next: Slot,
    chain: Hash,
    time: Timestamp,
    previous_leaf: Option<Hash>,
    /// The host table: for each peer the next number and the slot that emitted the last.
    pairs: BTreeMap<ProcessId, (PairNumber, Slot)>,
}

/// What executing a slot gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executed {
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// What the receipt states.
    pub(crate) leaf: ReceiptLeaf,
}

/// A call, as it is handed to a module.
struct Call {
    input: Input,
    gas: u64,
}

impl Process {
    /// A process that has executed nothing yet. A module that starts with more memory than the
    /// process may have fails slot 0.
    ///
    /// # Errors
    ///
    /// If this unit cannot hold the instance.
    pub(crate) fn new(
        id: ProcessId,
        spawn: Spawn,
        module: &Arc<CompiledModule>,
    ) -> Result<Self, HostFault> {
        let instance = match Instance::genesis(module, &spawn.limits) {
            Ok(instance) => Ok(instance),
            Err(GenesisError::MemoryLimit { .. }) => Err(FailureKind::OutOfMemory),
            Err(GenesisError::Host(fault)) => return Err(fault),
        };
        Ok(Self {
            id,
            profile: spawn.profile,
            spawn,
            instance,
            next: Slot::ZERO,
            chain: Hash::ZERO,
            time: Timestamp::ZERO,
            previous_leaf: None,
            pairs: BTreeMap::new(),
        })
    }

    /// Has what takes long pause between slices, or go on at once, as it does at first.
    pub(crate) fn set_pause(&mut self, pause: Option<Arc<dyn Pause>>) {
        if let Ok(instance) = &mut self.instance {
            instance.set_pause(pause);
        }
    }

    /// The chain hash of the last slot executed.
    pub(crate) const fn chain(&self) -> &Hash {
        &self.chain
    }

    /// The last slot executed, if any.
    pub(crate) fn last(&self) -> Option<Slot> {
        self.next.get().checked_sub(1).map(Slot::new)
    }

    /// Executes the next slot. The caller has checked that the assignment is the next of this
    /// process and that the entry is the one it names.
    ///
    /// # Errors
    ///
    /// If this unit failed: there is no outcome, and the process is of no more use here.
    pub(crate) fn execute(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
    ) -> Result<Executed, HostFault> {
        assert_eq!(assignment.slot, self.next, "slots are executed in order");
        let (reply, gas, effects) = match self.call(assignment, entry) {
            Ok(call) => self.run(assignment.slot, &call)?,
            Err(kind) => (Reply::Failure(Failure::of(kind)), 0, Effects::default()),
        };
        if assignment.slot == Slot::ZERO && !is_value(&reply) {
            self.instance = Err(FailureKind::NotBorn);
        }
        let outbox = self.number(assignment.slot, effects.outbox);
        let outcome = Outcome {
            version: V1,
            process: self.id,
            slot: assignment.slot,
            entry: assignment.entry,
            reply,
            gas: Gas::new(gas),
            logs: effects.logs,
            events: effects.events,
            outbox,
        };
        Ok(self.advance(assignment, outcome))
    }

    /// Answers a view on the state after the last slot executed.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    pub(crate) fn view(&mut self, method: &str, args: &[u8]) -> Result<Reply, HostFault> {
        let instance = match &mut self.instance {
            Ok(instance) => instance,
            Err(kind) => return Ok(Reply::Failure(Failure::of(*kind))),
        };
        let context = Context {
            process: self.id,
            slot: Slot::new(self.next.get().saturating_sub(1)),
            time: self.time,
            sender: Principal::Anonymous,
            controller: self.spawn.controller,
            message: self.id.spawn_entry(),
            seed: Domain::Seed.digest(&[self.chain.as_bytes()]),
            gas: Gas::new(self.spawn.limits.gas),
            deadline: None,
        };
        let input = Input::View { context, method: method.to_owned(), args: args.to_vec() };
        let executed = instance.view(&codec::encode(&input), self.spawn.limits.gas)?;
        let read = executed
            .result
            .map_err(|fault| failure_of(&fault))
            .and_then(|bytes| output::read_view(&bytes, &self.spawn.limits));
        Ok(read.unwrap_or_else(|kind| Reply::Failure(Failure::of(kind))))
    }

    /// What the entry calls, or why it calls nothing.
    fn call(&self, assignment: &Assignment, entry: &Entry) -> Result<Call, FailureKind> {
        if let Err(kind) = &self.instance {
            return Err(*kind);
        }
        let sender = match entry {
            Entry::Spawn(spawn) => spawn.unverified().sender,
            Entry::Message(message) => message.unverified().sender,
            Entry::Delivery(delivery) => Principal::Process(delivery.source),
            _ => return Err(FailureKind::UnsupportedEntry),
        };
        let gas = self.spawn.limits.gas;
        let context = Context {
            process: self.id,
            slot: assignment.slot,
            time: assignment.time,
            sender,
            controller: self.spawn.controller,
            message: assignment.entry,
            seed: Domain::Seed.digest(&[assignment.chain.as_bytes()]),
            gas: Gas::new(gas),
            deadline: None,
        };
        let input = match entry {
            Entry::Spawn(_) if assignment.slot == Slot::ZERO => {
                Input::Init { context, args: self.spawn.args.clone() }
            }
            Entry::Message(message) => {
                let message = message.unverified();
                Input::Call {
                    context,
                    method: message.method.clone(),
                    args: message.args.clone(),
                    call: Some(assignment.slot.get()),
                }
            }
            Entry::Delivery(Delivery { item, .. }) => match &item.body {
                ItemBody::Tell { method, args } => {
                    Input::Call { context, method: method.clone(), args: args.clone(), call: None }
                }
                _ => return Err(FailureKind::UnsupportedEntry),
            },
            _ => return Err(FailureKind::UnsupportedEntry),
        };
        Ok(Call { input, gas })
    }

    /// Runs a call; a failure leaves nothing but its gas.
    fn run(&mut self, slot: Slot, call: &Call) -> Result<(Reply, u64, Effects), HostFault> {
        let instance = self.instance.as_mut().expect("calls are made only for live instances");
        let input = codec::encode(&call.input);
        let limits = &self.spawn.limits;
        let mut read = Err(FailureKind::BadOutput);
        let executed = instance.execute_if(Export::Handle, &input, call.gas, |bytes| {
            read = output::read(bytes, limits);
            // A process that is not born keeps nothing of its initialiser.
            read.as_ref().is_ok_and(|(reply, _)| slot != Slot::ZERO || is_value(reply))
        })?;
        let read = match executed.result {
            Ok(_) | Err(Fault::Refused) => read,
            Err(fault) => Err(failure_of(&fault)),
        };
        let (reply, effects) = match read {
            Ok((reply, effects)) if slot != Slot::ZERO || is_value(&reply) => (reply, effects),
            Ok((reply, _)) => (reply, Effects::default()),
            Err(kind) => (Reply::Failure(Failure::of(kind)), Effects::default()),
        };
        Ok((reply, executed.gas_used, effects))
    }

    /// Gives each item its place in its pair.
    fn number(&mut self, slot: Slot, outbox: Vec<OutboxItem>) -> Vec<OutboxItem> {
        outbox
            .into_iter()
            .map(|mut item| {
                let pair = self.pairs.get(&item.target).copied();
                let (number, previous) = match pair {
                    Some((number, previous)) => (number, Some(previous)),
                    None => (PairNumber::ZERO, None),
                };
                let next = number.next().expect("a log ends before a pair's numbers do");
                self.pairs.insert(item.target, (next, slot));
                item.pair = Some(PairPosition { number, previous });
                item
            })
            .collect()
    }

    fn advance(&mut self, assignment: &Assignment, outcome: Outcome) -> Executed {
        let leaf = ReceiptLeaf {
            process: self.id,
            slot: assignment.slot,
            chain: assignment.chain,
            profile: self.profile,
            outcome: outcome.digest(),
            gas: outcome.gas,
            previous: self.previous_leaf,
            state_root: None,
        };
        self.previous_leaf = Some(leaf.digest());
        self.chain = assignment.chain;
        self.time = assignment.time;
        self.next = assignment.slot.next().expect("a scheduler assigns no slot past the range");
        Executed { outcome, leaf }
    }
}

const fn is_value(reply: &Reply) -> bool {
    matches!(reply, Reply::Value(_))
}

/// How a fault of the engine shows in an outcome.
const fn failure_of(fault: &Fault) -> FailureKind {
    match fault {
        Fault::Trap => FailureKind::Trapped,
        Fault::OutOfGas => FailureKind::OutOfGas,
        Fault::OutOfMemory => FailureKind::OutOfMemory,
        Fault::StackOverflow => FailureKind::TooDeep,
        Fault::BadAllocation | Fault::BadOutput | Fault::Refused => FailureKind::BadOutput,
        Fault::OutputTooLarge => FailureKind::OutputTooLarge,
    }
}

#[cfg(test)]
mod tests;
