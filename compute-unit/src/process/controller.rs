//! The controller in the host table, once it is another than that of the spawn.

use protocol::{HostTable, Principal, codec};

/// The key.
const KEY: [u8; 1] = [2];

/// The controller that the last control of that kind has named.
pub(super) fn read(table: &HostTable) -> Option<Principal> {
    table.get(&KEY).and_then(|value| codec::decode(value).ok())
}

/// Names another controller.
pub(super) fn write(table: &mut HostTable, controller: &Principal) {
    table.insert(&KEY, &codec::encode(controller));
}
