//! Calls whose handler has ended without an answer.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use protocol::{HostTable, ProcessId, Slot, Timestamp, codec};

/// What the keys of open calls begin with.
pub(super) const KEY: u8 = 5;
/// Calls that may be open at once.
pub(super) const OPEN_MAX: usize = 10_000;
/// How long a client's call may stay open, in milliseconds. An asker says it itself.
const CLIENT_PATIENCE: u64 = 60 * 60 * 1_000;
/// How long past its deadline a call is still answered, in milliseconds.
const GRACE: u64 = 10_000;

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub(super) enum Caller {
    /// Whoever sent a message.
    #[n(0)]
    Client,
    /// A process that asked.
    #[n(1)]
    Asker {
        /// Which.
        #[n(0)]
        source: ProcessId,
        /// In which slot.
        #[n(1)]
        slot: Slot,
        /// With which item of that slot.
        #[n(2)]
        index: u32,
        /// When it stops waiting.
        #[n(3)]
        deadline: Timestamp,
    },
}

/// A call that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct Call {
    /// Who waits.
    #[n(0)]
    pub(super) caller: Caller,
    /// When it is given up.
    #[n(1)]
    pub(super) deadline: Timestamp,
    /// Whether it stays open though nothing is outstanding that could answer it.
    #[n(2)]
    pub(super) held: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<Slot, Call>,
    deadlines: BTreeSet<(Timestamp, Slot)>,
    /// Those that are not held.
    later: BTreeSet<Slot>,
}

impl Call {
    /// A call of a slot at a time.
    pub(super) fn of(caller: Caller, time: Timestamp, held: bool) -> Self {
        let deadline = match caller {
            Caller::Client => time.saturating_add(CLIENT_PATIENCE),
            Caller::Asker { deadline, .. } => deadline,
        };
        Self { caller, deadline, held }
    }
}

impl Calls {
    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a call is open.
    pub(super) fn is_open(&self, slot: Slot) -> bool {
        self.open.contains_key(&slot)
    }

    /// Opens one.
    pub(super) fn open(&mut self, table: &mut HostTable, slot: Slot, call: Call) {
        table.insert(&key(slot), &codec::encode(&call));
        self.index(slot, call);
    }

    /// Closes one, if it is open.
    pub(super) fn close(&mut self, table: &mut HostTable, slot: Slot) -> Option<Call> {
        let call = self.open.remove(&slot)?;
        self.deadlines.remove(&(call.deadline, slot));
        self.later.remove(&slot);
        table.remove(&key(slot));
        Some(call)
    }

    /// The first that is open.
    pub(super) fn first(&self) -> Option<Slot> {
        self.open.keys().next().copied()
    }

    /// One that is given up at a time.
    pub(super) fn overdue(&self, time: Timestamp) -> Option<Slot> {
        let (deadline, slot) = self.deadlines.first()?;
        (deadline.saturating_add(GRACE) < time).then_some(*slot)
    }

    /// The first that only what is outstanding can answer.
    pub(super) fn later(&self) -> Option<Slot> {
        self.later.first().copied()
    }

    /// Takes one from the host table; `None` if that is not what it must be.
    pub(super) fn read(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let slot = <[u8; 8]>::try_from(key).ok()?;
        self.index(Slot::new(u64::from_le_bytes(slot)), codec::decode(value).ok()?);
        Some(())
    }

    fn index(&mut self, slot: Slot, call: Call) {
        self.deadlines.insert((call.deadline, slot));
        if !call.held {
            self.later.insert(slot);
        }
        self.open.insert(slot, call);
    }
}

/// The key of a call, by its slot.
fn key(slot: Slot) -> [u8; 9] {
    super::ledger::key_of(KEY, slot.get())
}
