//! Reading what a module hands back. Modules are hostile: every size and every spelling is checked
//! before anything is believed.

use protocol::{
    Event, Failure, FailureKind, ItemBody, Limits, LogLine, Message, OutboxItem, Reply, ValueKind,
    abi::{GuestEffect, GuestResult, Output},
    check_value, codec,
};

/// What a handler wants done, before pair numbers are given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Effects {
    /// Log lines.
    pub(crate) logs: Vec<LogLine>,
    /// Events.
    pub(crate) events: Vec<Event>,
    /// Outbox items without their places in pairs.
    pub(crate) outbox: Vec<OutboxItem>,
}

/// The longest error code of an actor's own, in bytes.
const CODE_MAX: usize = 64;
/// The longest error detail of an actor's own, in bytes.
const DETAIL_MAX: usize = 4_096;
/// The longest event name, in bytes.
const EVENT_NAME_MAX: usize = 128;

/// Reads the output of a handler.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<(Reply, Effects), FailureKind> {
    let output: Output = codec::decode(bytes).map_err(|_| FailureKind::BadOutput)?;
    let reply = read_reply(output.result, limits)?;
    let effects = read_effects(output.effects, limits)?;
    Ok((reply, effects))
}

/// Reads the output of a view, which has no effects.
pub(crate) fn read_view(bytes: &[u8], limits: &Limits) -> Result<Reply, FailureKind> {
    let output: Output = codec::decode(bytes).map_err(|_| FailureKind::BadOutput)?;
    if !output.effects.is_empty() {
        return Err(FailureKind::UnsupportedEffect);
    }
    read_reply(output.result, limits)
}

fn read_reply(result: GuestResult, limits: &Limits) -> Result<Reply, FailureKind> {
    match result {
        GuestResult::Reply(value) => {
            fits(value.len(), limits.reply_bytes)?;
            check_value(&value).map_err(|_| FailureKind::BadOutput)?;
            Ok(Reply::Value(value))
        }
        GuestResult::Error { code, detail } => {
            if code.is_empty() || code.len() > CODE_MAX || detail.len() > DETAIL_MAX {
                return Err(FailureKind::BadOutput);
            }
            Ok(Reply::Failure(Failure { kind: FailureKind::Actor, code, detail }))
        }
        GuestResult::Later | GuestResult::Held => Err(FailureKind::UnsupportedEffect),
    }
}

fn read_effects(wanted: Vec<GuestEffect>, limits: &Limits) -> Result<Effects, FailureKind> {
    let mut effects = Effects::default();
    let (mut said, mut sent) = (0_usize, 0_usize);
    for effect in wanted {
        match effect {
            GuestEffect::Log { level, text } => {
                if level > 4 {
                    return Err(FailureKind::BadOutput);
                }
                said = said.saturating_add(text.len());
                effects.logs.push(LogLine { level, text });
            }
            GuestEffect::Event { name, data } => {
                if name.is_empty() || name.len() > EVENT_NAME_MAX {
                    return Err(FailureKind::BadOutput);
                }
                check_value(&data).map_err(|_| FailureKind::BadOutput)?;
                said = said.saturating_add(name.len()).saturating_add(data.len());
                effects.events.push(Event { name, data });
            }
            GuestEffect::Tell { target, method, args, hint } => {
                if method.is_empty() || method.len() > Message::METHOD_MAX {
                    return Err(FailureKind::BadOutput);
                }
                if check_value(&args) != Ok(ValueKind::Map) {
                    return Err(FailureKind::BadOutput);
                }
                fits(args.len(), limits.message_bytes / 2)?;
                sent = sent.saturating_add(method.len()).saturating_add(args.len());
                let index =
                    u32::try_from(effects.outbox.len()).map_err(|_| FailureKind::OutputTooLarge)?;
                let body = ItemBody::Tell { method, args };
                effects.outbox.push(OutboxItem { index, target, pair: None, body, hint });
                fits(effects.outbox.len(), limits.outbox_items)?;
            }
            GuestEffect::Ask { .. }
            | GuestEffect::Reply { .. }
            | GuestEffect::SpawnBare { .. }
            | GuestEffect::Spawn { .. }
            | GuestEffect::SetTimer { .. }
            | GuestEffect::CancelTimer { .. } => return Err(FailureKind::UnsupportedEffect),
        }
        fits(said, limits.reply_bytes)?;
        fits(sent, limits.outbox_bytes)?;
    }
    Ok(effects)
}

/// Whether a size is within a limit of the process.
fn fits(size: usize, limit: u32) -> Result<(), FailureKind> {
    match u32::try_from(size) {
        Ok(size) if size <= limit => Ok(()),
        _ => Err(FailureKind::OutputTooLarge),
    }
}

#[cfg(test)]
mod tests;
