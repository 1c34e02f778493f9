//! One process: the fold of its module over its log. Pure: no clock, no disk, no network.
//!
//! # Invariants
//!
//! - Slots are executed densely from 0, each exactly once, whatever they hold.
//! - A slot that fails leaves memory, globals and host table as before it; only its outcome, its
//!   gas and its place in the chain of receipts remain.
//! - Nothing in a log can panic a unit.

mod controller;
pub(crate) mod pairs;

use std::sync::Arc;

use protocol::{
    Assignment, ControlAction, Delivery, Domain, Entry, Epoch, Failure, FailureKind, Gas, Hash,
    HostTable, ItemBody, OutboxItem, Outcome, Position, Principal, ProcessId, ProfileId,
    ReceiptLeaf, Reply, Slot, Spawn, State, Timestamp, V1,
    abi::{Context, Input},
    codec,
};

use crate::{
    instance::{Export, Fault, GenesisError, HostFault, Image, Instance, Pause, Snapshot},
    module::CompiledModule,
    output::{self, Effects},
};

/// The value null.
const NULL: [u8; 1] = [0xf6];

/// A receipt carries a state root once in so many slots: of the same slots on every unit, so that
/// the roots can be compared.
pub(crate) const ROOT_EVERY: u64 = 256;

/// A process between two slots.
#[derive(Debug)]
pub(crate) struct Process {
    id: ProcessId,
    spawn: Spawn,
    profile: ProfileId,
    instance: Result<Instance, FailureKind>,
    next: Slot,
    epoch: Epoch,
    chain: Hash,
    time: Timestamp,
    previous_leaf: Option<Hash>,
    table: HostTable,
}

/// What changed of a process since it was last saved, and all that is small.
pub(crate) struct Saved {
    /// The process.
    pub(crate) process: ProcessId,
    /// Its spawn.
    pub(crate) spawn: Vec<u8>,
    /// The last slot executed.
    pub(crate) position: Position,
    /// The digest of its receipt leaf.
    pub(crate) previous: Hash,
    /// Whether this is all of it, and nothing of earlier checkpoints is needed.
    pub(crate) whole: bool,
    /// What it came to.
    pub(crate) state: SavedState,
}

/// The state of a process to be saved.
pub(crate) enum SavedState {
    /// It lives.
    Live {
        /// Memory and globals.
        snapshot: Snapshot,
        /// The host table.
        table: HostTable,
    },
    /// It was not born.
    Dead(FailureKind),
}

/// A process as a checkpoint holds it.
pub(crate) struct Restored {
    /// The process.
    pub(crate) process: ProcessId,
    /// Its spawn.
    pub(crate) spawn: Spawn,
    /// The last slot executed.
    pub(crate) position: Position,
    /// The digest of its receipt leaf.
    pub(crate) previous: Hash,
    /// What it came to.
    pub(crate) state: Result<(Image, HostTable), FailureKind>,
}

/// What executing a slot gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executed {
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// What the receipt states.
    pub(crate) leaf: ReceiptLeaf,
    /// The digest of the leaf, which the next one names.
    pub(crate) digest: Hash,
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
            epoch: Epoch::ZERO,
            chain: Hash::ZERO,
            time: Timestamp::ZERO,
            previous_leaf: None,
            table: HostTable::new(),
        })
    }

    /// The process that a checkpoint holds.
    ///
    /// # Errors
    ///
    /// If this unit cannot hold the instance, or the checkpoint cannot be read.
    pub(crate) fn restore(
        restored: Restored,
        module: &Arc<CompiledModule>,
    ) -> Result<Self, HostFault> {
        let Restored { process, spawn, position, previous, state } = restored;
        let (instance, table) = match state {
            Ok((image, table)) => (Ok(Instance::restore(module, &spawn.limits, image)?), table),
            Err(kind) => (Err(kind), HostTable::new()),
        };
        Ok(Self {
            id: process,
            profile: spawn.profile,
            spawn,
            instance,
            next: position.slot.next().ok_or(HostFault::Damaged)?,
            epoch: position.epoch,
            chain: position.chain,
            time: position.time,
            previous_leaf: Some(previous),
            table,
        })
    }

    /// What changed since this was last asked, all of it if `whole`; nothing before slot 0.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    pub(crate) fn save(&mut self, whole: bool) -> Result<Option<Saved>, HostFault> {
        let (Some(slot), Some(previous)) = (self.last(), self.previous_leaf) else {
            return Ok(None);
        };
        let state = match &mut self.instance {
            Ok(instance) => {
                SavedState::Live { snapshot: instance.snapshot(whole)?, table: self.table.clone() }
            }
            Err(kind) => SavedState::Dead(*kind),
        };
        let position = Position { slot, epoch: self.epoch, time: self.time, chain: self.chain };
        let spawn = codec::encode(&self.spawn);
        Ok(Some(Saved { process: self.id, spawn, position, previous, whole, state }))
    }

    /// Makes the state after the last slot the one to return to.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    #[cfg(feature = "bench")]
    pub(crate) fn commit(&mut self) -> Result<(), HostFault> {
        self.instance.as_mut().map_or(Ok(()), Instance::commit)
    }

    /// The root of the state after the last slot executed; none of a process that was not born.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    pub(crate) fn state_root(&mut self) -> Result<Option<Hash>, HostFault> {
        Ok(self.state()?.map(|state| state.root()))
    }

    /// The parts of that root.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    pub(crate) fn state(&mut self) -> Result<Option<State>, HostFault> {
        let Ok(instance) = &mut self.instance else { return Ok(None) };
        Ok(Some(State {
            memory: instance.memory_root()?,
            globals: instance.globals(),
            host_table: self.table.root(),
            profile: self.profile,
            module: self.spawn.module,
        }))
    }

    /// The memory of a process that lives.
    pub(crate) fn memory(&mut self) -> Option<&[u8]> {
        Some(self.instance.as_mut().ok()?.state_image().memory)
    }

    /// The host table.
    pub(crate) const fn table(&self) -> &HostTable {
        &self.table
    }

    /// Bytes of memory that the process holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    /// Has what takes long pause between slices, or go on at once, as it does at first.
    pub(crate) fn set_pause(&mut self, pause: Option<Arc<dyn Pause>>) {
        if let Ok(instance) = &mut self.instance {
            instance.set_pause(pause);
        }
    }

    /// The digest of the receipt leaf of the last slot executed, if any.
    pub(crate) const fn previous_leaf(&self) -> Option<Hash> {
        self.previous_leaf
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
            Ok(Some(call)) => self.run(assignment.slot, &call)?,
            Ok(None) => (self.keep(entry), 0, Effects::default()),
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
        self.advance(assignment, outcome)
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
            controller: controller::read(&self.table).unwrap_or(self.spawn.controller),
            message: self.id.spawn_entry(),
            seed: Domain::Seed.digest(&[self.chain.as_bytes()]),
            gas: Gas::new(self.spawn.limits.gas),
            deadline: None,
            lost: None,
        };
        let input = Input::View { context, method: method.to_owned(), args: args.to_vec() };
        let executed = instance.view(&codec::encode(&input), self.spawn.limits.gas)?;
        let read = executed
            .result
            .map_err(|fault| failure_of(&fault))
            .and_then(|bytes| output::read_view(&bytes, &self.spawn.limits));
        Ok(read.unwrap_or_else(|kind| Reply::Failure(Failure::of(kind))))
    }

    /// Does what an entry that keeps the log asks of its process.
    fn keep(&mut self, entry: &Entry) -> Reply {
        if let Entry::Control(control) = entry
            && let ControlAction::Controller(next) = &control.unverified().action
        {
            controller::write(&mut self.table, next);
        }
        Reply::Value(NULL.to_vec())
    }

    /// What the entry calls, or why it fails; nothing of one that only keeps the log.
    fn call(&self, assignment: &Assignment, entry: &Entry) -> Result<Option<Call>, FailureKind> {
        if let Err(kind) = &self.instance {
            return Err(*kind);
        }
        let sender = match entry {
            Entry::Spawn(spawn) => spawn.unverified().sender,
            Entry::Message(message) => message.unverified().sender,
            Entry::Delivery(delivery) => Principal::Process(delivery.source),
            Entry::Control(control) => match &control.unverified().action {
                ControlAction::Upgrade { .. } => return Err(FailureKind::UnsupportedEntry),
                _ => return Ok(None),
            },
            Entry::Skip(_) => return Ok(None),
            Entry::Timer(_) | Entry::Answer(_) => return Err(FailureKind::UnsupportedEntry),
        };
        let gas = self.spawn.limits.gas;
        let context = Context {
            process: self.id,
            slot: assignment.slot,
            time: assignment.time,
            sender,
            controller: controller::read(&self.table).unwrap_or(self.spawn.controller),
            message: assignment.entry,
            seed: Domain::Seed.digest(&[assignment.chain.as_bytes()]),
            gas: Gas::new(gas),
            deadline: None,
            lost: None,
        };
        let input = match entry {
            Entry::Spawn(_) if assignment.slot == Slot::ZERO => {
                Input::Init { context, args: self.spawn.args.clone(), spawn: None }
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
                ItemBody::Spawn(..) if assignment.slot == Slot::ZERO => {
                    Input::Init { context, args: self.spawn.args.clone(), spawn: None }
                }
                ItemBody::Tell { method, args } => {
                    Input::Call { context, method: method.clone(), args: args.clone(), call: None }
                }
                _ => return Err(FailureKind::UnsupportedEntry),
            },
            _ => return Err(FailureKind::UnsupportedEntry),
        };
        Ok(Some(Call { input, gas }))
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
                item.pair = Some(pairs::take_next(&mut self.table, &item.target, slot));
                item
            })
            .collect()
    }

    fn advance(
        &mut self,
        assignment: &Assignment,
        outcome: Outcome,
    ) -> Result<Executed, HostFault> {
        self.epoch = assignment.epoch;
        self.chain = assignment.chain;
        self.time = assignment.time;
        self.next = assignment.slot.next().expect("a scheduler assigns no slot past the range");
        let rooted = self.next.get().is_multiple_of(ROOT_EVERY);
        let leaf = ReceiptLeaf {
            process: self.id,
            slot: assignment.slot,
            chain: assignment.chain,
            profile: self.profile,
            outcome: outcome.digest(),
            gas: outcome.gas,
            previous: self.previous_leaf,
            state_root: if rooted { self.state_root()? } else { None },
        };
        let digest = leaf.digest();
        self.previous_leaf = Some(digest);
        Ok(Executed { outcome, leaf, digest })
    }
}

impl Executed {
    /// What stands for the slot in the tree of a receipt batch.
    pub(crate) fn tree_leaf(&self) -> Hash {
        // Without a state root both digests are of the same bytes.
        if self.leaf.state_root.is_none() { self.digest } else { self.leaf.leaf() }
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
mod matrix;
#[cfg(test)]
mod tests;
