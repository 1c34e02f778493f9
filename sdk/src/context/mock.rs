//! A context for native tests: says what it is told to say, and shows what was wanted.

use protocol::{Gas, Principal, ProcessId, Slot, Timestamp, abi::GuestEffect};
use serde::de::DeserializeOwned;

use super::{Context, ViewContext};
use crate::{Event, args::Arguments, cbor, world::World};

/// A tell that a handler wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// The receiver.
    pub target: ProcessId,
    /// The receiver's method.
    pub method: String,
    /// A CBOR map from parameter name to value.
    pub args: Vec<u8>,
}

impl Tell {
    /// Reads one argument, if it is there and of this type.
    pub fn arg<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        Arguments::read(&self.args).ok()?.take(name).ok()
    }
}

impl Context {
    /// A context for tests: ids of zeros, slot 1, time 0, and the controller sends.
    pub fn mock() -> Self {
        let controller = Principal::Account(protocol::AccountId::from_bytes([0; 32]));
        let world = World::new();
        world.enter(|context| {
            context.slot = Slot::new(1);
            context.sender = controller;
            context.controller = controller;
            context.gas = Gas::new(1_000_000_000);
        });
        Self::here(&world, None)
    }

    /// The same context in another process.
    #[must_use]
    pub fn in_process(self, process: impl Into<ProcessId>) -> Self {
        self.changed(|context| context.process = process.into())
    }

    /// The same context in another slot.
    #[must_use]
    pub fn at_slot(self, slot: Slot) -> Self {
        self.changed(|context| context.slot = slot)
    }

    /// The same context at another time.
    #[must_use]
    pub fn at_time(self, time: Timestamp) -> Self {
        self.changed(|context| context.time = time)
    }

    /// The same context for a message of another sender.
    #[must_use]
    pub fn sent_by(self, sender: impl Into<Principal>) -> Self {
        self.changed(|context| context.sender = sender.into())
    }

    /// The same context under another controller.
    #[must_use]
    pub fn controlled_by(self, controller: impl Into<Principal>) -> Self {
        self.changed(|context| context.controller = controller.into())
    }

    fn changed(self, change: impl FnOnce(&mut ViewContext)) -> Self {
        self.world.enter(change);
        Self { view: self.world.here(), ..self }
    }

    /// The tells made so far, in order.
    pub fn tells(&self) -> Vec<Tell> {
        let tell = |effect: &GuestEffect| match effect {
            GuestEffect::Tell { target, method, args, .. } => {
                Some(Tell { target: *target, method: method.clone(), args: args.clone() })
            }
            _ => None,
        };
        self.world.effects().borrow().iter().filter_map(tell).collect()
    }

    /// The lines logged so far, in order.
    pub fn logged(&self) -> Vec<String> {
        let line = |effect: &GuestEffect| match effect {
            GuestEffect::Log { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.world.effects().borrow().iter().filter_map(line).collect()
    }

    /// The events of a type emitted so far, in order.
    pub fn emitted<E: Event + DeserializeOwned>(&self) -> Vec<E> {
        let event = |effect: &GuestEffect| match effect {
            GuestEffect::Event { name, data } if name == E::NAME => cbor::from_slice(data).ok(),
            _ => None,
        };
        self.world.effects().borrow().iter().filter_map(event).collect()
    }

    /// Every effect made so far, in order.
    pub fn effects(&self) -> Vec<GuestEffect> {
        self.world.effects().borrow().clone()
    }
}
