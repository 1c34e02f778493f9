//! One process: the fold of its module over its log. Pure: no clock, no disk, no network.
//!
//! # Invariants
//!
//! - Slots are executed densely from 0, each exactly once, whatever they hold.
//! - A slot that fails leaves memory, globals and host table as before it; only its outcome, its
//!   gas and its place in the chain of receipts remain.
//! - Nothing in a log can panic a unit.

mod acts;
mod answers;
mod asks;
mod between;
mod calls;
mod controller;
mod entries;
mod ledger;
pub(crate) mod pairs;
mod plan;
mod rules;
mod timers;
mod upgrade;

use std::sync::Arc;

use protocol::{
    AskAnswer, Assignment, Domain, Effect, Entry, Epoch, Event, Failure, FailureKind, Gas, Hash,
    HostTable, LogLine, ModuleId, Outcome, Position, Principal, ProcessId, ProfileId, ReceiptLeaf,
    Reply, Slot, Spawn, State, Timer, Timestamp, V1,
    abi::{Context, Input},
    codec,
};

use crate::{
    instance::{Export, Fault, GenesisError, HostFault, Image, Instance, Pause, Snapshot},
    module::{CompiledModule, Successor},
    output::{self, Effects, Owner, Said},
};
use acts::Acts;
use entries::{Begun, Call, asker};
use ledger::Ledger;
use plan::Handler;

pub(crate) use rules::Rules;

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
    rules: Rules,
    /// The module of the instance.
    module: ModuleId,
    instance: Result<Instance, FailureKind>,
    /// Whether the instance is that of another module than what was saved last.
    replaced: bool,
    next: Slot,
    epoch: Epoch,
    chain: Hash,
    time: Timestamp,
    previous_leaf: Option<Hash>,
    ledger: Ledger,
}

/// What changed of a process since it was last saved, and all that is small.
pub(crate) struct Saved {
    /// The process.
    pub(crate) process: ProcessId,
    /// Its spawn.
    pub(crate) spawn: Vec<u8>,
    /// The module that an upgrade has brought.
    pub(crate) module: Option<ModuleId>,
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
    Dead {
        /// Why.
        kind: FailureKind,
        /// The host table: what it has answered is numbered.
        table: HostTable,
    },
}

/// A process as a checkpoint holds it.
pub(crate) struct Restored {
    /// The process.
    pub(crate) process: ProcessId,
    /// Its spawn.
    pub(crate) spawn: Spawn,
    /// The module that an upgrade has brought.
    pub(crate) module: Option<ModuleId>,
    /// The last slot executed.
    pub(crate) position: Position,
    /// The digest of its receipt leaf.
    pub(crate) previous: Hash,
    /// What it came to.
    pub(crate) state: Result<Image, FailureKind>,
    /// The host table.
    pub(crate) table: HostTable,
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
    /// What is waited for from now on, or for another time.
    pub(crate) waits: Vec<Timer>,
    /// What is waited for no more, by the slot and the index of the item that set it. Counts behind
    /// what is waited for.
    pub(crate) closed: Vec<(Slot, u32)>,
}

/// What is left of an output when all that was wanted is done.
struct Ran {
    reply: Reply,
    gas: u64,
    logs: Vec<LogLine>,
    events: Vec<Event>,
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
            rules: Rules::of(&spawn.profile),
            module: spawn.module,
            spawn,
            instance,
            replaced: false,
            next: Slot::ZERO,
            epoch: Epoch::ZERO,
            chain: Hash::ZERO,
            time: Timestamp::ZERO,
            previous_leaf: None,
            ledger: Ledger::default(),
        })
    }

    /// The process that a checkpoint holds, on [`Restored::module_id`].
    ///
    /// # Errors
    ///
    /// If this unit cannot hold the instance, or the checkpoint cannot be read.
    pub(crate) fn restore(
        restored: Restored,
        module: &Arc<CompiledModule>,
    ) -> Result<Self, HostFault> {
        let id = restored.module_id();
        let Restored { process, spawn, position, previous, state, table, .. } = restored;
        let instance = match state {
            Ok(image) => Ok(Instance::restore(module, &spawn.limits, image)?),
            Err(kind) => Err(kind),
        };
        Ok(Self {
            id: process,
            profile: spawn.profile,
            rules: Rules::of(&spawn.profile),
            module: id,
            spawn,
            instance,
            replaced: false,
            next: position.slot.next().ok_or(HostFault::Damaged)?,
            epoch: position.epoch,
            chain: position.chain,
            time: position.time,
            previous_leaf: Some(previous),
            ledger: Ledger::restore(table)?,
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
        // Pages of another module's memory are of no use to what comes next.
        let whole = whole || std::mem::take(&mut self.replaced);
        let table = self.ledger.table.clone();
        let state = match &mut self.instance {
            Ok(instance) => SavedState::Live { snapshot: instance.snapshot(whole)?, table },
            Err(kind) => SavedState::Dead { kind: *kind, table },
        };
        let position = Position { slot, epoch: self.epoch, time: self.time, chain: self.chain };
        let spawn = codec::encode(&self.spawn);
        let module = (self.module != self.spawn.module).then_some(self.module);
        Ok(Some(Saved { process: self.id, spawn, module, position, previous, whole, state }))
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
            host_table: self.ledger.table.root(),
            profile: self.profile,
            module: self.module,
        }))
    }

    /// The memory of a process that lives.
    pub(crate) fn memory(&mut self) -> Option<&[u8]> {
        Some(self.instance.as_mut().ok()?.state_image().memory)
    }

    /// The host table.
    pub(crate) const fn table(&self) -> &HostTable {
        &self.ledger.table
    }

    /// The module of the instance.
    pub(crate) const fn module(&self) -> ModuleId {
        self.module
    }

    /// What the process waits for the time of.
    pub(crate) fn agenda(&self) -> Vec<Timer> {
        self.ledger.agenda(self.id)
    }

    /// Who controls the process.
    fn controller(&self) -> Principal {
        controller::read(&self.ledger.table).unwrap_or(self.spawn.controller)
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

    /// Executes the next slot, as [`Self::execute_with`] does where no module is needed.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn execute(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
    ) -> Result<Executed, HostFault> {
        self.execute_with(assignment, entry, None)
    }

    /// Executes the next slot. The caller has checked that the assignment is the next of this
    /// process and that the entry is the one it names, and brings the module that
    /// [`Self::upgrade_of`] names.
    ///
    /// # Errors
    ///
    /// If this unit failed: there is no outcome, and the process is of no more use here.
    pub(crate) fn execute_with(
        &mut self,
        assignment: &Assignment,
        entry: &Entry,
        successor: Option<&Successor>,
    ) -> Result<Executed, HostFault> {
        assert_eq!(assignment.slot, self.next, "slots are executed in order");
        let mut acts = Acts::new(self.id, assignment.slot, assignment.time);
        self.ledger.drop_overdue(&mut acts);
        let Ran { reply, gas, logs, events } = match self.begin(assignment, entry, &mut acts) {
            Ok(Begun::Call(call)) => self.run(call, &mut acts)?,
            Ok(Begun::Upgrade(upgrade)) => self.upgrade(upgrade, successor, &mut acts)?,
            Ok(Begun::Done(value)) => Ran::silent(Reply::Value(value), 0),
            Err(kind) => Ran::silent(Reply::Failure(Failure::of(kind)), 0),
        };
        if assignment.slot == Slot::ZERO && !is_value(&reply) {
            self.instance = Err(FailureKind::NotBorn);
        }
        if self.rules.asks() {
            self.answer_asker(entry, &reply, &mut acts);
            self.ledger.end_hopeless(&mut acts);
        }
        let outcome = Outcome {
            version: V1,
            process: self.id,
            slot: assignment.slot,
            entry: assignment.entry,
            reply,
            gas: Gas::new(gas),
            logs,
            events,
            outbox: std::mem::take(&mut acts.outbox),
        };
        self.advance(assignment, outcome, acts)
    }

    /// Answers a view on the state after the last slot executed.
    ///
    /// # Errors
    ///
    /// If this unit failed.
    pub(crate) fn view(&mut self, method: &str, args: &[u8]) -> Result<Reply, HostFault> {
        let controller = self.controller();
        let instance = match &mut self.instance {
            Ok(instance) => instance,
            Err(kind) => return Ok(Reply::Failure(Failure::of(*kind))),
        };
        let context = Context {
            process: self.id,
            slot: Slot::new(self.next.get().saturating_sub(1)),
            time: self.time,
            sender: Principal::Anonymous,
            controller,
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

    /// Runs a call. A failure leaves nothing but its gas and what the entry itself has done.
    fn run(&mut self, call: Call, acts: &mut Acts) -> Result<Ran, HostFault> {
        let Call { input, caller, cause } = call;
        let instance = self.instance.as_mut().expect("calls are made only for live instances");
        let limits = &self.spawn.limits;
        let owner = Owner { id: &self.id, spawn: &self.spawn, rules: self.rules };
        let handler = Handler { slot: acts.slot, caller, limits };
        let (ledger, is_birth) = (&self.ledger, acts.slot == Slot::ZERO);
        let mut read = Err(FailureKind::BadOutput);
        let input = codec::encode(&input);
        let executed = instance.execute_if(Export::Handle, &input, limits.gas, |bytes| {
            read = output::read(bytes, owner).and_then(|(said, effects)| {
                ledger.check(handler, &said, &effects.wanted)?;
                Ok((said, effects))
            });
            // A process that is not born keeps nothing of its initialiser.
            read.as_ref().is_ok_and(|(said, _)| !is_birth || bears(said))
        })?;
        let read = match executed.result {
            Ok(_) | Err(Fault::Refused) => read,
            Err(fault) => Err(failure_of(&fault)),
        };
        let gas = executed.gas_used;
        let kind = match read {
            Ok((said, _)) if is_birth && !bears(&said) => {
                let reply = match said {
                    Said::Reply(reply) => reply,
                    _ => Reply::Failure(Failure::of(FailureKind::NotBorn)),
                };
                return Ok(Ran::silent(reply, gas));
            }
            Ok((said, Effects { logs, events, wanted })) => {
                // They were handed over with this call.
                self.ledger.forget_lost();
                self.ledger.apply(acts, caller, &said, wanted);
                let reply = match said {
                    Said::Reply(reply) => reply,
                    Said::Later | Said::Held => Reply::Later,
                };
                return Ok(Ran { reply, gas, logs, events });
            }
            Err(kind) => kind,
        };
        let failure = Failure::of(kind);
        if let Some(cause) = cause {
            self.ledger.lose(cause.token);
            if let Some(call) = cause.call {
                // The call has committed when it began to wait.
                let answer = AskAnswer::Failure(failure.clone(), Effect::Yes);
                self.ledger.answer_open(acts, Slot::new(call), answer);
            }
        }
        Ok(Ran::silent(Reply::Failure(failure), gas))
    }

    /// Answers the process that has asked, or whose child this is, unless that follows later.
    fn answer_asker(&mut self, entry: &Entry, reply: &Reply, acts: &mut Acts) {
        let Some(caller) = asker(entry) else { return };
        let is_birth = acts.slot == Slot::ZERO;
        let answer = match reply {
            Reply::Later => return,
            Reply::Value(_) if is_birth => AskAnswer::Value(NULL.to_vec()),
            Reply::Value(value) => AskAnswer::Value(value.clone()),
            Reply::Failure(failure) => {
                let kept = failure.kind == FailureKind::Actor && !is_birth;
                AskAnswer::Failure(failure.clone(), if kept { Effect::Yes } else { Effect::No })
            }
        };
        self.ledger.answer(acts, acts.slot, caller, answer);
    }

    fn advance(
        &mut self,
        assignment: &Assignment,
        outcome: Outcome,
        acts: Acts,
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
        let Acts { waits, closed, .. } = acts;
        Ok(Executed { outcome, leaf, digest, waits, closed })
    }
}

impl Ran {
    /// A reply without anything else.
    const fn silent(reply: Reply, gas: u64) -> Self {
        Self { reply, gas, logs: Vec::new(), events: Vec::new() }
    }
}

impl Restored {
    /// The module of its instance.
    pub(crate) fn module_id(&self) -> ModuleId {
        self.module.unwrap_or(self.spawn.module)
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

/// Whether a process whose initialiser says this is born.
const fn bears(said: &Said) -> bool {
    matches!(said, Said::Reply(Reply::Value(_)))
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
mod scripted;
#[cfg(test)]
mod tests;
