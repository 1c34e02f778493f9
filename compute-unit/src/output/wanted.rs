//! The effects that concern other processes, open calls and timers.

use protocol::{
    AskAnswer, Body, Domain, Effect, FailureKind, Limits, Message, Principal, ProcessId, Reply,
    Spawn, Timestamp, UnitId, ValueKind,
    abi::{GuestEffect, GuestResult},
    check_value, codec,
};

use super::{Owner, fits, read_reply};

/// The longest patience in milliseconds: 30 days.
const PATIENCE_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;
/// The most bytes that method and arguments of a timer may have together: they stay in the host
/// table for as long as it is set.
const TIMER_BYTES_MAX: usize = 1_024;

/// Something wanted, of the right size and spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A message that nobody answers.
    Tell {
        /// The receiver.
        target: ProcessId,
        /// Its method.
        method: String,
        /// A canonical map.
        args: Vec<u8>,
        /// The scheduler that may know the receiver.
        hint: Option<UnitId>,
    },
    /// A message that is answered.
    Ask {
        /// The receiver.
        target: ProcessId,
        /// Its method.
        method: String,
        /// A canonical map.
        args: Vec<u8>,
        /// How the module knows it, for how long, and for whom it is.
        timed: Timed,
        /// The scheduler that may know the receiver.
        hint: Option<UnitId>,
    },
    /// An answer to a call.
    Reply {
        /// The slot of the call.
        call: u64,
        /// The answer.
        answer: AskAnswer,
    },
    /// A child.
    Spawn {
        /// Who.
        child: Child,
        /// How the module knows the wait for its birth.
        timed: Timed,
    },
    /// A timer.
    SetTimer {
        /// How the module knows it.
        token: u64,
        /// When it is due first.
        due: Timestamp,
        /// Milliseconds between occurrences.
        every: Option<u64>,
        /// Whether missed occurrences are made up for.
        catch_up: bool,
        /// The method to call.
        method: String,
        /// A canonical map.
        args: Vec<u8>,
        /// The call on whose behalf it is set.
        call: Option<u64>,
    },
    /// The end of a timer.
    CancelTimer {
        /// How the module knows it.
        token: u64,
    },
}

/// What an ask and the wait for a birth have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timed {
    /// How the module knows it.
    pub(crate) token: u64,
    /// Milliseconds until the process stops waiting.
    pub(crate) patience: u64,
    /// The call on whose behalf it is made.
    pub(crate) call: Option<u64>,
}

/// A child that its parent may have, but for the parent's budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// Its id.
    pub(crate) id: ProcessId,
    /// The canonical bytes of its spawn.
    pub(crate) spawn: Vec<u8>,
    /// How many processes it takes from its parent's budget.
    pub(crate) cost: u64,
}

impl Wanted {
    /// How many bytes of the outbox it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Tell { method, args, .. }
            | Self::Ask { method, args, .. }
            | Self::SetTimer { method, args, .. } => method.len().saturating_add(args.len()),
            Self::Reply { answer: AskAnswer::Value(value), .. } => value.len(),
            Self::Reply { answer: AskAnswer::Failure(failure, _), .. } => {
                failure.code.len().saturating_add(failure.detail.len())
            }
            Self::Spawn { child, .. } => child.spawn.len(),
            Self::CancelTimer { .. } => 0,
        }
    }
}

/// Reads an effect that is neither a log line nor an event.
pub(super) fn read(effect: GuestEffect, owner: Owner<'_>) -> Result<Wanted, FailureKind> {
    let limits = &owner.spawn.limits;
    if !owner.rules.has_effect(number(&effect)) {
        return Err(FailureKind::UnsupportedEffect);
    }
    Ok(match effect {
        GuestEffect::Tell { target, method, args, hint } => {
            check_call(&method, &args, limits)?;
            Wanted::Tell { target, method, args, hint }
        }
        GuestEffect::Ask { target, method, args, token, patience, hint, call } => {
            check_call(&method, &args, limits)?;
            let timed = timed(token, patience, call)?;
            Wanted::Ask { target, method, args, timed, hint }
        }
        GuestEffect::Reply { call, result } => {
            Wanted::Reply { call, answer: read_answer(result, limits)? }
        }
        GuestEffect::Spawn { spawn, token, patience, call } => {
            let timed = timed(token, patience, call)?;
            Wanted::Spawn { child: read_child(spawn, owner)?, timed }
        }
        GuestEffect::SetTimer { token, due, every, catch_up, method, args, call } => {
            if method.len() > Message::METHOD_MAX || every == Some(0) {
                return Err(FailureKind::BadOutput);
            }
            check_map(&args)?;
            if method.len().saturating_add(args.len()) > TIMER_BYTES_MAX {
                return Err(FailureKind::OutputTooLarge);
            }
            Wanted::SetTimer { token, due, every, catch_up, method, args, call }
        }
        GuestEffect::CancelTimer { token } => Wanted::CancelTimer { token },
        GuestEffect::Log { .. } | GuestEffect::Event { .. } | GuestEffect::SpawnBare { .. } => {
            return Err(FailureKind::UnsupportedEffect);
        }
    })
}

/// The number of an effect in the contract.
const fn number(effect: &GuestEffect) -> u8 {
    match effect {
        GuestEffect::Log { .. } => 0,
        GuestEffect::Event { .. } => 1,
        GuestEffect::Tell { .. } => 2,
        GuestEffect::Ask { .. } => 3,
        GuestEffect::Reply { .. } => 4,
        GuestEffect::SpawnBare { .. } => 5,
        GuestEffect::SetTimer { .. } => 6,
        GuestEffect::CancelTimer { .. } => 7,
        GuestEffect::Spawn { .. } => 8,
    }
}

fn check_call(method: &str, args: &[u8], limits: &Limits) -> Result<(), FailureKind> {
    if method.is_empty() || method.len() > Message::METHOD_MAX {
        return Err(FailureKind::BadOutput);
    }
    check_map(args)?;
    fits(args.len(), limits.message_bytes / 2)
}

fn check_map(args: &[u8]) -> Result<(), FailureKind> {
    match check_value(args) {
        Ok(ValueKind::Map) => Ok(()),
        _ => Err(FailureKind::BadOutput),
    }
}

fn timed(token: u64, patience: u64, call: Option<u64>) -> Result<Timed, FailureKind> {
    match patience {
        1..=PATIENCE_MAX => Ok(Timed { token, patience, call }),
        _ => Err(FailureKind::BadOutput),
    }
}

fn read_answer(result: GuestResult, limits: &Limits) -> Result<AskAnswer, FailureKind> {
    if matches!(result, GuestResult::Later | GuestResult::Held) {
        return Err(FailureKind::BadOutput);
    }
    match read_reply(result, limits)? {
        Reply::Value(value) => Ok(AskAnswer::Value(value)),
        Reply::Failure(failure) => Ok(AskAnswer::Failure(failure, Effect::Yes)),
        Reply::Later => Err(FailureKind::BadOutput),
    }
}

/// Reads the spawn of a child: of this process, and with nothing that it does not have itself.
fn read_child(bytes: Vec<u8>, owner: Owner<'_>) -> Result<Child, FailureKind> {
    fits(bytes.len(), owner.spawn.limits.message_bytes / 2)?;
    let spawn: Spawn = codec::decode(&bytes).map_err(|_| FailureKind::BadOutput)?;
    let holds = spawn.sender == Principal::Process(*owner.id)
        && spawn.network == owner.spawn.network
        && spawn.profile == owner.spawn.profile
        && is_within(&spawn.limits, &owner.spawn.limits)
        && spawn.check().is_ok();
    if !holds {
        return Err(FailureKind::BadOutput);
    }
    let id = ProcessId::from_bytes(*Domain::Spawn.digest(&[&bytes]).as_bytes());
    let cost = u64::from(spawn.limits.children.unwrap_or(0)).saturating_add(1);
    Ok(Child { id, spawn: bytes, cost })
}

/// Whether no limit of a child is above its parent's.
fn is_within(child: &Limits, parent: &Limits) -> bool {
    let pairs = [
        (child.memory_pages, parent.memory_pages),
        (child.outbox_items, parent.outbox_items),
        (child.outbox_bytes, parent.outbox_bytes),
        (child.message_bytes, parent.message_bytes),
        (child.reply_bytes, parent.reply_bytes),
        (child.open_asks, parent.open_asks),
        (child.timers, parent.timers),
        (child.pending, parent.pending),
        (child.children.unwrap_or(0), parent.children.unwrap_or(0)),
    ];
    child.gas <= parent.gas && pairs.iter().all(|(child, parent)| child <= parent)
}
