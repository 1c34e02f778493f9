//! What can go wrong for a client, sorted by what its caller can do about it.

use protocol::{EntryId, Failure, Refusal, RefusalCode, RefusalProof, Role, Slot};

/// Why a client cannot give what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A unit said no.
    #[error("{}", refusal.detail)]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Of an entry that will never be in its log: what shows that to others.
        proof: Option<Box<RefusalProof>>,
    },
    /// No unit that could answer did; whether the request took effect is unknown.
    #[error("{detail}")]
    Unreachable {
        /// Which units, and what happened.
        detail: String,
    },
    /// No unit of a role is known.
    #[error("no {role} is known; is the cluster up?")]
    NoUnit {
        /// The role needed.
        role: Role,
    },
    /// The answer did not come in time. The message may still be executed.
    #[error(
        "no answer to {message} yet{}; it may still come: look at the process's log before you send \
         again, for that would be another message, or give it a longer timeout from the start", told(reason.as_ref())
    )]
    NoAnswerYet {
        /// The message sent.
        message: EntryId,
        /// Why a unit put it off the last time, if one did.
        reason: Option<Refusal>,
    },
    /// A unit's answer does not prove what it claims.
    #[error("a unit's answer does not hold: {what}; do not trust this unit")]
    Unverified {
        /// What is wrong with it.
        what: String,
    },
    /// A log breaks a rule that its scheduler vouches for; what stands before may be right.
    #[error("the log is broken at slot {slot}: {what}; do not trust its scheduler")]
    Broken {
        /// The first slot that breaks a rule.
        slot: Slot,
        /// Which rule.
        what: &'static str,
    },
    /// The actor, or its execution, answered with an error.
    #[error("{}", .0.detail)]
    Actor(Failure),
    /// The request cannot be made: arguments, names or limits break a rule.
    #[error("{0}")]
    BadRequest(String),
    /// The client has no key, so it can only read.
    #[error("this needs a key: the client was connected without one")]
    NoKey,
    /// The client was closed while the request was under way.
    #[error("the client was closed")]
    Closed,
    /// The operating system refused something.
    #[error("{0}")]
    System(String),
}

/// The part of a sentence that tells a reason.
fn told(reason: Option<&Refusal>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

impl ClientError {
    /// The stable kebab-case word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { refusal, .. } => refusal.code.word(),
            Self::Unreachable { .. } | Self::NoUnit { .. } => RefusalCode::Unreachable.word(),
            Self::NoAnswerYet { .. } => "no-answer-yet",
            Self::Unverified { .. } | Self::Broken { .. } => "unverified",
            Self::Actor(failure) => &failure.code,
            Self::BadRequest(_) => "bad-request",
            Self::NoKey => "no-key",
            Self::Closed => "closed",
            Self::System(_) => "system",
        }
    }

    /// The stable number: that of the refusal, or from 200 on for failures of execution, or from
    /// 100 on for the client's own.
    pub const fn number(&self) -> u16 {
        match self {
            Self::Refused { refusal, .. } => refusal.code.number(),
            Self::Unreachable { .. } | Self::NoUnit { .. } => RefusalCode::Unreachable.number(),
            Self::NoAnswerYet { .. } => 100,
            Self::Unverified { .. } | Self::Broken { .. } => 101,
            Self::BadRequest(_) => 102,
            Self::NoKey => 103,
            Self::Closed => 104,
            Self::System(_) => 105,
            Self::Actor(failure) => 200 + failure.kind.number(),
        }
    }

    pub(crate) fn unverified(what: impl ToString) -> Self {
        Self::Unverified { what: what.to_string() }
    }

    pub(crate) fn unreachable(detail: impl ToString) -> Self {
        Self::Unreachable { detail: detail.to_string() }
    }

    /// Whether who orders or executes the process may be other units than those known.
    pub(crate) const fn is_of_the_place(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => matches!(
                refusal.code,
                RefusalCode::Moved
                    | RefusalCode::UnknownProcess
                    | RefusalCode::NotHosted
                    | RefusalCode::StaleStore
                    | RefusalCode::Fenced
            ),
            Self::Unreachable { .. } | Self::NoUnit { .. } | Self::Unverified { .. } => true,
            _ => false,
        }
    }

    /// Whether another unit may answer where this one failed.
    pub(crate) const fn is_of_the_unit(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => {
                refusal.code.is_retryable() || matches!(refusal.code, RefusalCode::UnknownRequest)
            }
            Self::Unreachable { .. } | Self::Unverified { .. } => true,
            _ => false,
        }
    }
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, proof: None }
    }
}

impl From<transport::RequestError> for ClientError {
    fn from(error: transport::RequestError) -> Self {
        match error {
            transport::RequestError::Refused(refusal) => refusal.into(),
            other => Self::unreachable(other),
        }
    }
}

#[cfg(test)]
mod tests;
