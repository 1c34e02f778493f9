//! Pair numbers in the host table: for each peer the next number, and the slot that gave the last.

use protocol::{HostTable, PairNumber, PairPosition, ProcessId, Slot};

/// What the keys of pairs begin with.
const KEY: u8 = 1;

/// Gives the next number of the pair with a target to an item that a slot emits.
pub(super) fn take_next(table: &mut HostTable, target: &ProcessId, slot: Slot) -> PairPosition {
    let key = key(target);
    let (number, previous) = match table.get(&key).and_then(read) {
        Some((number, previous)) => (number, Some(previous)),
        None => (PairNumber::ZERO, None),
    };
    let next = number.next().expect("a log ends before a pair's numbers do");
    let mut value = [0; 16];
    let (left, right) = value.split_at_mut(8);
    left.copy_from_slice(&next.get().to_le_bytes());
    right.copy_from_slice(&slot.get().to_le_bytes());
    table.insert(&key, &value);
    PairPosition { number, previous }
}

/// Whether an item was ever emitted to a target.
pub(super) fn is_used(table: &HostTable, target: &ProcessId) -> bool {
    table.get(&key(target)).is_some()
}

/// The key of the pair with a target.
pub(crate) fn key(target: &ProcessId) -> [u8; 33] {
    let mut key = [KEY; 33];
    let (_, id) = key.split_at_mut(1);
    id.copy_from_slice(target.as_bytes());
    key
}

fn read(value: &[u8]) -> Option<(PairNumber, Slot)> {
    let (number, slot) = value.split_first_chunk::<8>()?;
    let slot = <[u8; 8]>::try_from(slot).ok()?;
    Some((PairNumber::new(u64::from_le_bytes(*number)), Slot::new(u64::from_le_bytes(slot))))
}
