//! A context for native tests: says what it is told to say, and shows what was wanted.

use protocol::{
    EntryId, Gas, Hash, Principal, ProcessId, Slot, Timestamp,
    abi::{self, GuestEffect},
};
use serde::de::DeserializeOwned;

use super::Context;
use crate::args::Arguments;

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
        Self::new(abi::Context {
            process: ProcessId::from_bytes([0; 32]),
            slot: Slot::new(1),
            time: Timestamp::ZERO,
            sender: controller,
            controller,
            message: EntryId::from_bytes([0; 32]),
            seed: Hash::ZERO,
            gas: Gas::new(1_000_000_000),
            deadline: None,
            lost: None,
        })
    }

    /// The same context in another process.
    #[must_use]
    pub fn in_process(mut self, process: impl Into<ProcessId>) -> Self {
        self.view.inner.process = process.into();
        self
    }

    /// The same context in another slot.
    #[must_use]
    pub fn at_slot(mut self, slot: Slot) -> Self {
        self.view.inner.slot = slot;
        self
    }

    /// The same context at another time.
    #[must_use]
    pub fn at_time(mut self, time: Timestamp) -> Self {
        self.view.inner.time = time;
        self
    }

    /// The same context for a message of another sender.
    #[must_use]
    pub fn sent_by(mut self, sender: impl Into<Principal>) -> Self {
        self.view.inner.sender = sender.into();
        self
    }

    /// The same context under another controller.
    #[must_use]
    pub fn controlled_by(mut self, controller: impl Into<Principal>) -> Self {
        self.view.inner.controller = controller.into();
        self
    }

    /// The tells made so far, in order.
    pub fn tells(&self) -> Vec<Tell> {
        let tell = |effect: &GuestEffect| match effect {
            GuestEffect::Tell { target, method, args, .. } => {
                Some(Tell { target: *target, method: method.clone(), args: args.clone() })
            }
            _ => None,
        };
        self.effects.borrow().iter().filter_map(tell).collect()
    }

    /// The lines logged so far, in order.
    pub fn logged(&self) -> Vec<String> {
        let line = |effect: &GuestEffect| match effect {
            GuestEffect::Log { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.effects.borrow().iter().filter_map(line).collect()
    }

    /// Every effect made so far, in order.
    pub fn effects(&self) -> Vec<GuestEffect> {
        self.effects.borrow().clone()
    }
}
