//! What a slot does outside of memory, as it gathers: items, and what is waited for no more.

use protocol::{
    ItemBody, OutboxItem, PairPosition, ProcessId, Slot, Timer, TimerKind, Timestamp, UnitId,
};

/// The slot that emitted an item and the item's position there.
pub(super) type Place = (Slot, u32);

/// The acts of one slot.
#[derive(Debug)]
pub(super) struct Acts {
    /// Who acts.
    pub(super) process: ProcessId,
    /// The slot.
    pub(super) slot: Slot,
    /// Its time.
    pub(super) time: Timestamp,
    /// The items, in order.
    pub(super) outbox: Vec<OutboxItem>,
    /// What is waited for from now on, or for another time.
    pub(super) waits: Vec<Timer>,
    /// What is waited for no more.
    pub(super) closed: Vec<Place>,
}

impl Acts {
    /// Nothing yet.
    pub(super) const fn new(process: ProcessId, slot: Slot, time: Timestamp) -> Self {
        Self { process, slot, time, outbox: Vec::new(), waits: Vec::new(), closed: Vec::new() }
    }

    /// Where the next item will stand.
    pub(super) fn place(&self) -> Place {
        let index = u32::try_from(self.outbox.len());
        (self.slot, index.expect("what a slot may emit is bounded"))
    }

    /// Emits an item to a process.
    pub(super) fn emit(
        &mut self,
        target: ProcessId,
        pair: Option<PairPosition>,
        body: ItemBody,
        hint: Option<UnitId>,
    ) {
        let (_, index) = self.place();
        self.outbox.push(OutboxItem { index, target, pair, body, hint });
    }

    /// Emits an item that concerns the process itself.
    pub(super) fn note(&mut self, body: ItemBody) {
        self.emit(self.process, None, body, None);
    }

    /// Waits for a time on behalf of an item.
    pub(super) fn wait(&mut self, place: Place, kind: TimerKind, occurrence: u64, due: Timestamp) {
        let (slot, index) = place;
        self.waits.push(Timer { process: self.process, slot, index, occurrence, kind, due });
    }
}
