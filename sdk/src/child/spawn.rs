//! The bytes of a spawn, read and written by hand: derived decoders and encoders for what is in it
//! would be a tenth of a module.

use protocol::{
    Acceptance, ComputePolicy, Hash, Kind, Limits, ModuleId, NetworkId, ProfileId, Signature,
    Spawn, Timestamp, UnitId, V1,
};

use crate::cbor::{Fields, Writer};

/// Reads a spawn that the unit gives, but for its arguments, name and tags: a child has its own.
pub(super) fn read(bytes: &[u8]) -> Option<Spawn> {
    let fields = &mut Fields::new(bytes);
    fields.array();
    let (_version, _kind) = (fields.number(), fields.number());
    let network = NetworkId::from_bytes(*fields.id());
    let sender = fields.principal();
    let module = ModuleId::from_bytes(*fields.id());
    let acceptance = acceptance(fields)?;
    fields.skip(6..9);
    let spawn = Spawn {
        version: V1,
        kind: Kind,
        network,
        sender,
        module,
        acceptance,
        args: Vec::new(),
        name: String::new(),
        tags: Vec::new(),
        nonce: fields.number(),
        expiry: Timestamp::new(fields.number()),
        scheduler: UnitId::from_bytes(*fields.id()),
        policy: policy(fields),
        profile: ProfileId::from_bytes(*fields.id()),
        controller: fields.principal(),
        limits: limits(fields),
    };
    fields.is_intact().then_some(spawn)
}

fn acceptance(fields: &mut Fields<'_>) -> Option<Acceptance> {
    fields.array();
    let unit = UnitId::from_bytes(*fields.id());
    Some(Acceptance { unit, signature: Signature::from_bytes(fields.bytes().try_into().ok()?) })
}

fn policy(fields: &mut Fields<'_>) -> ComputePolicy {
    let len = fields.array();
    let mut units = Vec::new();
    for _ in 0..fields.array() {
        units.push(UnitId::from_bytes(*fields.id()));
        if !fields.is_intact() {
            break;
        }
    }
    ComputePolicy {
        units,
        quorum: fields.small(),
        version: fields.number(),
        previous: (len > 3 && fields.is_given()).then(|| Hash::from_bytes(*fields.id())),
    }
}

fn limits(fields: &mut Fields<'_>) -> Limits {
    let len = fields.array();
    Limits {
        gas: fields.number(),
        memory_pages: fields.small(),
        outbox_items: fields.small(),
        outbox_bytes: fields.small(),
        message_bytes: fields.small(),
        reply_bytes: fields.small(),
        open_asks: fields.small(),
        timers: fields.small(),
        pending: fields.small(),
        children: (len > 9 && fields.is_given()).then(|| fields.small()),
    }
}

/// Encodes a spawn, as [`protocol::codec`] does.
pub(super) fn write(spawn: &Spawn) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = Writer::new(&mut bytes);
    out.array(16).unsigned(1).unsigned(2).bytes(spawn.network.as_bytes());
    out.principal(&spawn.sender).bytes(spawn.module.as_bytes());
    let Acceptance { unit, signature } = &spawn.acceptance;
    out.array(2).bytes(unit.as_bytes()).bytes(signature.as_bytes());
    out.bytes(&spawn.args).text(&spawn.name).array(spawn.tags.len() as u64);
    for tag in &spawn.tags {
        out.array(2).text(&tag.name).text(&tag.value);
    }
    out.unsigned(spawn.nonce).unsigned(spawn.expiry.get()).bytes(spawn.scheduler.as_bytes());
    write_policy(&mut out, &spawn.policy);
    out.bytes(spawn.profile.as_bytes()).principal(&spawn.controller);
    write_limits(&mut out, &spawn.limits);
    bytes
}

fn write_policy(out: &mut Writer<'_>, policy: &ComputePolicy) {
    out.array(3 + u64::from(policy.previous.is_some())).array(policy.units.len() as u64);
    for unit in &policy.units {
        out.bytes(unit.as_bytes());
    }
    out.unsigned(policy.quorum.into()).unsigned(policy.version);
    if let Some(previous) = &policy.previous {
        out.bytes(previous.as_bytes());
    }
}

fn write_limits(out: &mut Writer<'_>, limits: &Limits) {
    out.array(9 + u64::from(limits.children.is_some())).unsigned(limits.gas);
    let small = [
        limits.memory_pages,
        limits.outbox_items,
        limits.outbox_bytes,
        limits.message_bytes,
        limits.reply_bytes,
        limits.open_asks,
        limits.timers,
        limits.pending,
    ];
    for limit in small.into_iter().chain(limits.children) {
        out.unsigned(limit.into());
    }
}

#[cfg(test)]
mod tests;
