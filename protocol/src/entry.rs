//! What a log is made of: entries of seven kinds, each with an id that excludes its proof.

use minicbor::{Decode, Encode};

use crate::{
    Body, Control, Domain, EntryId, ItemBody, Kind, Message, NetworkId, OutboxItem, PairNumber,
    ProcessId, PublicKey, RefusalCode, Signed, Slot, Spawn, Timestamp, UnitId, V1,
};

/// An entry of a process's log, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[expect(clippy::large_enum_variant, reason = "entries are decoded, read and dropped, not kept")]
pub enum Entry {
    /// Slot 0.
    #[n(0)]
    Spawn(#[n(0)] Signed<Spawn>),
    /// A client's request.
    #[n(1)]
    Message(#[n(0)] Signed<Message>),
    /// What another process emitted: a tell, an ask, a reply or a spawn request.
    #[n(2)]
    Delivery(#[n(0)] Delivery),
    /// What another process emitted instead of deliveries that expired.
    #[n(3)]
    Skip(#[n(0)] Delivery),
    /// A timer of the process's own that is due, or an ask that timed out or has no target.
    #[n(4)]
    Timer(#[n(0)] Timer),
    /// A scheduler's word about an item that went unanswered.
    #[n(5)]
    Answer(#[n(0)] Answer),
    /// The controller's order.
    #[n(6)]
    Control(#[n(0)] Signed<Control>),
}

/// An outbox item of another process, on its way or arrived.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Delivery {
    /// Who emitted it.
    #[n(0)]
    pub source: ProcessId,
    /// In which slot.
    #[n(1)]
    pub slot: Slot,
    /// What.
    #[n(2)]
    pub item: OutboxItem,
}

/// A timer or timeout of the process's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Timer {
    /// Whose.
    #[n(0)]
    pub process: ProcessId,
    /// The slot that set it.
    #[n(1)]
    pub slot: Slot,
    /// Its position in that slot's outbox.
    #[n(2)]
    pub index: u32,
    /// Counts the times it fired before; tells how an ask ended.
    #[n(3)]
    pub occurrence: u64,
    /// Which of the two it is.
    #[n(4)]
    pub kind: TimerKind,
    /// When it is due.
    #[n(5)]
    pub due: Timestamp,
}

/// What a timer entry stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum TimerKind {
    /// A timer the actor set.
    #[n(0)]
    Timer,
    /// The deadline of an ask or of a birth.
    #[n(1)]
    AskTimeout,
    /// The end of an ask before its deadline, whose target nobody orders as far as the process's
    /// scheduler can find out. It is occurrence 1, as the deadline is occurrence 0.
    #[n(2)]
    NoTarget,
}

/// What became of an item whose answer is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
    /// Signed by the target's scheduler.
    #[n(0)]
    pub statement: Signed<PairStatement>,
}

impl Answer {
    /// The id of the answer about a number of a pair, whatever it says.
    pub fn id_of(source: &ProcessId, target: &ProcessId, number: PairNumber) -> EntryId {
        let number = number.get().to_le_bytes();
        let digest = Domain::Answer.digest(&[source.as_bytes(), target.as_bytes(), &number]);
        EntryId::from_bytes(*digest.as_bytes())
    }
}

/// A scheduler's word about a number of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PairStatement {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A pair statement.
    #[n(1)]
    pub kind: Kind<9>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// The target's scheduler.
    #[n(3)]
    pub scheduler: UnitId,
    /// The process that emitted.
    #[n(4)]
    pub source: ProcessId,
    /// The process that should receive.
    #[n(5)]
    pub target: ProcessId,
    /// The number of the pair.
    #[n(6)]
    pub number: PairNumber,
    /// What became of it.
    #[n(7)]
    pub verdict: Verdict,
}

/// What became of a number of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Verdict {
    /// It is this slot of the target.
    #[n(0)]
    Assigned(#[n(0)] Slot),
    /// It is refused for good.
    #[n(1)]
    Refused(#[n(0)] RefusalCode),
}

impl Body for PairStatement {
    const DOMAIN: Domain = Domain::PairStatement;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.scheduler
    }
}

impl Entry {
    /// The entry's id: a digest of what it says, never of what proves it.
    pub fn id(&self) -> EntryId {
        let digest = match self {
            Self::Spawn(spawn) => spawn.digest(),
            Self::Message(message) => message.digest(),
            Self::Control(control) => control.digest(),
            Self::Delivery(delivery) => return delivery.delivery_id(),
            Self::Skip(skip) => return skip.skip_id(),
            Self::Timer(timer) => Domain::Timer.digest(&[
                timer.process.as_bytes(),
                &timer.slot.get().to_le_bytes(),
                &timer.index.to_le_bytes(),
                &timer.occurrence.to_le_bytes(),
            ]),
            Self::Answer(answer) => {
                let statement = answer.statement.unverified();
                return Answer::id_of(&statement.source, &statement.target, statement.number);
            }
        };
        EntryId::from_bytes(*digest.as_bytes())
    }

    /// The process whose log the entry belongs to.
    pub fn target(&self) -> ProcessId {
        match self {
            Self::Spawn(_) => ProcessId::of_spawn(self.id()),
            Self::Message(message) => message.unverified().target,
            Self::Control(control) => control.unverified().target,
            Self::Delivery(delivery) | Self::Skip(delivery) => delivery.item.target,
            Self::Timer(timer) => timer.process,
            Self::Answer(answer) => answer.statement.unverified().source,
        }
    }

    /// The bytes of the [`Spawn`] that the entry is or carries, unchecked: slot 0 of a log is such an
    /// entry, be the process a client's or another process's.
    pub fn spawn_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Spawn(spawn) => Some(spawn.body_bytes()),
            Self::Delivery(Delivery { item, .. }) => match &item.body {
                ItemBody::Spawn(bytes, _) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Timer {
    /// Whether this is an occurrence of an item that the process emitted in the timer's slot.
    #[must_use]
    pub fn is_of(&self, item: &OutboxItem) -> bool {
        if item.index != self.index {
            return false;
        }
        match (&item.body, self.kind) {
            (ItemBody::Timer { due, every, .. }, TimerKind::Timer) => {
                let passed = match every {
                    Some(every) => self.occurrence.checked_mul(*every),
                    None => (self.occurrence == 0).then_some(0),
                };
                passed.and_then(|passed| due.get().checked_add(passed)) == Some(self.due.get())
            }
            (
                ItemBody::Ask { deadline, .. } | ItemBody::Spawn(_, Some(deadline)),
                TimerKind::AskTimeout,
            ) => self.occurrence == 0 && *deadline == self.due,
            (ItemBody::Ask { deadline, .. }, TimerKind::NoTarget) => {
                self.occurrence == 1 && *deadline == self.due
            }
            _ => false,
        }
    }
}

impl Delivery {
    /// The id of the delivery of an item.
    pub fn delivery_id(&self) -> EntryId {
        let number = self.item.pair.map_or(0, |pair| pair.number.get());
        let digest = Domain::Delivery.digest(&[
            self.source.as_bytes(),
            &self.slot.get().to_le_bytes(),
            &self.item.index.to_le_bytes(),
            self.item.target.as_bytes(),
            &number.to_le_bytes(),
            self.item.leaf().as_bytes(),
        ]);
        EntryId::from_bytes(*digest.as_bytes())
    }

    /// The id of a skip.
    pub fn skip_id(&self) -> EntryId {
        let digest = Domain::Skip.digest(&[
            self.source.as_bytes(),
            &self.slot.get().to_le_bytes(),
            &self.item.index.to_le_bytes(),
        ]);
        EntryId::from_bytes(*digest.as_bytes())
    }
}

#[cfg(test)]
mod tests;
