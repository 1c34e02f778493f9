//! Reading what a module hands back. Modules are hostile: every size and every spelling is checked
//! before anything is believed. Whether what is wanted can be had at the moment is not looked at here.

mod wanted;

use protocol::{
    Event, Failure, FailureKind, Limits, LogLine, ProcessId, Reply, Spawn,
    abi::{GuestEffect, GuestResult, Output},
    check_value, codec,
};

use crate::process::Rules;

pub(crate) use wanted::{Child, Timed, Wanted};

/// What a handler wants done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Effects {
    /// Log lines.
    pub(crate) logs: Vec<LogLine>,
    /// Events.
    pub(crate) events: Vec<Event>,
    /// What concerns others, calls or timers, in order.
    pub(crate) wanted: Vec<Wanted>,
}

/// What a handler says to its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A value or an error of its own.
    Reply(Reply),
    /// The reply follows, through something that is outstanding.
    Later,
    /// The reply follows, whatever brings that about.
    Held,
}

/// Whose output is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The process.
    pub(crate) id: &'a ProcessId,
    /// Its spawn.
    pub(crate) spawn: &'a Spawn,
    /// What its profile has.
    pub(crate) rules: Rules,
}

/// The longest error code of an actor's own, in bytes.
const CODE_MAX: usize = 64;
/// The longest error detail of an actor's own, in bytes.
const DETAIL_MAX: usize = 4_096;
/// The longest event name, in bytes.
const EVENT_NAME_MAX: usize = 128;

/// Reads the output of a handler.
pub(crate) fn read(bytes: &[u8], owner: Owner<'_>) -> Result<(Said, Effects), FailureKind> {
    let output: Output = codec::decode(bytes).map_err(|_| FailureKind::BadOutput)?;
    if !owner.rules.asks() && is_newer(&output) {
        return Err(FailureKind::BadOutput);
    }
    let said = match output.result {
        GuestResult::Later if owner.rules.asks() => Said::Later,
        GuestResult::Held if owner.rules.asks() => Said::Held,
        result => Said::Reply(read_reply(result, &owner.spawn.limits)?),
    };
    let effects = read_effects(output.effects, owner)?;
    Ok((said, effects))
}

/// Reads the output of a view, which has no effects.
pub(crate) fn read_view(bytes: &[u8], limits: &Limits) -> Result<Reply, FailureKind> {
    let output: Output = codec::decode(bytes).map_err(|_| FailureKind::BadOutput)?;
    if !output.effects.is_empty() {
        return Err(FailureKind::UnsupportedEffect);
    }
    read_reply(output.result, limits)
}

/// Whether an output has what the contract had not when only profile 1 was executed. What could not be
/// decoded then broke the contract, and still does.
fn is_newer(output: &Output) -> bool {
    output.result == GuestResult::Held
        || output.effects.iter().any(|effect| {
            matches!(
                effect,
                GuestEffect::Spawn { .. }
                    | GuestEffect::Ask { call: Some(_), .. }
                    | GuestEffect::SetTimer { call: Some(_), .. }
                    | GuestEffect::Reply { result: GuestResult::Held, .. }
            )
        })
}

/// Reads an answer that is given at once.
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

fn read_effects(wanted: Vec<GuestEffect>, owner: Owner<'_>) -> Result<Effects, FailureKind> {
    let limits = &owner.spawn.limits;
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
            effect => {
                let wanted = wanted::read(effect, owner)?;
                sent = sent.saturating_add(wanted.bytes());
                effects.wanted.push(wanted);
                fits(effects.wanted.len(), limits.outbox_items)?;
            }
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
