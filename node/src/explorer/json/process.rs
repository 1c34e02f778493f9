//! What only programs ask of a process and its messages.

use antiphon_client::Described;
use protocol::{
    Change, Entry, EntryId, HeadStatement, NetworkId, Principal, ProcessId, Slot, Timestamp,
    api::Executed, json::bytes_to_json,
};
use serde_json::{Value as Json, json};

use super::{followed, merge};
use crate::{explorer::facts::StateFacts, output::Sent};

/// The network, the account that the gateway signs for, and its time.
pub(crate) fn network(network: NetworkId, account: Option<Principal>, now: Timestamp) -> Json {
    let software = concat!("antiphon ", env!("CARGO_PKG_VERSION"));
    json!({"network": network, "software": software, "account": account, "time": now})
}

/// Who orders and executes a process, what it may, and how long its log is.
pub(crate) fn process(process: ProcessId, described: &Described, head: &HeadStatement) -> Json {
    let Described { spawn, source, provenance } = described;
    let (policy, limits) = (source.policy(), &spawn.limits);
    let tag = |tag: &protocol::Tag| json!({"name": tag.name, "value": tag.value});
    let change = |change: &Change| Entry::Control(change.control.clone()).id();
    json!({
        "process": process, "name": spawn.name, "sender": spawn.sender,
        "controller": source.controller(), "module": spawn.module,
        "profile": spawn.profile.to_string(), "args": bytes_to_json(&spawn.args),
        "tags": spawn.tags.iter().map(tag).collect::<Vec<_>>(),
        "scheduler": source.scheduler(), "epoch": source.epoch(),
        "policy": {"units": policy.units, "quorum": policy.quorum, "version": policy.version},
        "limits": {
            "gas": limits.gas, "memory_pages": limits.memory_pages,
            "outbox_items": limits.outbox_items, "outbox_bytes": limits.outbox_bytes,
            "message_bytes": limits.message_bytes, "reply_bytes": limits.reply_bytes,
            "open_asks": limits.open_asks, "timers": limits.timers, "pending": limits.pending,
            "children": limits.children,
        },
        "changes": provenance.changes.iter().map(change).collect::<Vec<_>>(),
        "head": {"slot": head.slot, "chain": head.chain.to_string(), "time": head.time},
    })
}

/// A piece of the outcomes of a process.
pub(crate) fn outcomes(executed: &[Executed], next: Slot) -> Json {
    let one = |executed: &Executed| followed(&executed.outcome, executed.receipt.unit());
    json!({"outcomes": executed.iter().map(one).collect::<Vec<_>>(), "next": next})
}

/// A state root, by the word of a unit.
pub(crate) fn state(facts: &StateFacts) -> Json {
    let StateFacts { process, slot, chain, root, unit, kept } = facts;
    json!({
        "process": process, "slot": slot, "chain": chain.to_string(),
        "state_root": root.map(|root| root.to_string()), "unit": unit, "checkpoint": kept,
    })
}

/// A message with its final reply, as `antiphon send --json` prints it, and its process.
pub(crate) fn replied(process: ProcessId, sent: &Sent) -> Json {
    let mut json = json!({"process": process});
    merge(&mut json, serde_json::to_value(sent).unwrap_or_default());
    json
}

/// A message whose reply is not there yet: `sent`, `assigned` or `executed`.
pub(crate) fn under_way(
    process: ProcessId,
    message: EntryId,
    slot: Option<Slot>,
    state: &str,
) -> Json {
    json!({"process": process, "message": message, "slot": slot, "state": state})
}
