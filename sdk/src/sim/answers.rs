//! What a slot of a simulated process answers, and to whom.

use protocol::{
    FailureKind, ProcessId,
    abi::{AnswerInput, GuestResult},
};

use super::Letter;

/// What a process sends in a slot.
pub(super) enum Sent {
    Letter(ProcessId, Letter),
    /// To the client that has this ticket.
    Reply(u64, GuestResult),
}

/// Who waits for a call's reply.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    Client(u64),
    Ask { source: ProcessId, token: u64 },
}

/// The answer of a slot that failed.
pub(super) fn failure(kind: FailureKind) -> GuestResult {
    GuestResult::Error { code: kind.code().to_owned(), detail: kind.detail().to_owned() }
}

/// What an asker is told that gets no reply.
pub(super) fn system(kind: FailureKind, effect: u8) -> AnswerInput {
    let (code, detail) = (kind.code().to_owned(), kind.detail().to_owned());
    AnswerInput::System { code, detail, effect }
}

/// A failure under way to whoever waits.
pub(super) fn failed(caller: Caller, kind: FailureKind, effect: u8) -> Sent {
    match caller {
        Caller::Client(ticket) => Sent::Reply(ticket, failure(kind)),
        Caller::Ask { source, token } => {
            Sent::Letter(source, Letter::Answer { token, answer: system(kind, effect) })
        }
    }
}

/// An answer under way to whoever waits.
pub(super) fn reply(caller: Caller, result: GuestResult) -> Sent {
    match caller {
        Caller::Client(ticket) => Sent::Reply(ticket, result),
        Caller::Ask { source, token } => {
            let answer = match result {
                GuestResult::Reply(reply) => AnswerInput::Reply(reply),
                GuestResult::Error { code, detail } => {
                    AnswerInput::Error { code, detail, effect: 1 }
                }
                GuestResult::Later | GuestResult::Held => panic!("an answer comes once"),
            };
            Sent::Letter(source, Letter::Answer { token, answer })
        }
    }
}
