//! What asks come to, as the module that asked is told.

use protocol::{
    AskAnswer, Effect, FailureKind, PairStatement, RefusalCode, Value, Verdict, abi::AnswerInput,
    check_value,
};

use super::asks::Ask;

/// What the unit of the process that was asked has answered.
pub(super) fn of_reply(answer: &AskAnswer) -> AnswerInput {
    match answer {
        AskAnswer::Value(value) if check_value(value).is_ok() => AnswerInput::Reply(value.clone()),
        // Only units that do not keep to the profile can answer so.
        AskAnswer::Value(_) => system(FailureKind::BadOutput, None, Effect::Unknown),
        AskAnswer::Failure(failure, effect) if failure.kind == FailureKind::Actor => {
            let (code, detail) = (failure.code.clone(), failure.detail.clone());
            AnswerInput::Error { code, detail, effect: number(*effect) }
        }
        AskAnswer::Failure(failure, effect) => system(failure.kind, Some(&failure.detail), *effect),
    }
}

/// The end of the asker's own patience.
pub(super) fn expired(ask: &Ask) -> AnswerInput {
    if ask.assigned {
        let detail = "no answer came before the deadline; the ask is in the target's log";
        system(FailureKind::Expired, Some(detail), Effect::Yes)
    } else {
        system(FailureKind::Expired, None, Effect::Unknown)
    }
}

/// The end of an ask whose target nobody seems to order. Whoever orders it yet, unknown to the asker's
/// scheduler, may take it; so nothing is known of the effect.
pub(super) fn no_target(ask: &Ask) -> AnswerInput {
    let effect = if ask.assigned { Effect::Yes } else { Effect::Unknown };
    system(FailureKind::NoSuchProcess, None, effect)
}

/// The final refusal of the target's scheduler.
pub(super) fn refused(ask: &Ask, code: RefusalCode) -> AnswerInput {
    let kind = match code {
        _ if ask.birth => FailureKind::NotBorn,
        RefusalCode::UnknownProcess => FailureKind::NoSuchProcess,
        _ => FailureKind::Refused,
    };
    system(kind, Some(code.word()), Effect::No)
}

/// What a scheduler's word tells about an ask that is not waited for any more: for people.
pub(super) fn told_late(statement: &PairStatement) -> Vec<u8> {
    let effect = match statement.verdict {
        Verdict::Assigned(_) => "yes",
        Verdict::Refused(_) => "no",
    };
    let entry = (Value::Text("effect".to_owned()), Value::Text(effect.to_owned()));
    Value::Map(vec![entry]).encode().expect("a small map of text has an encoding")
}

fn system(kind: FailureKind, detail: Option<&str>, effect: Effect) -> AnswerInput {
    let detail = detail.unwrap_or_else(|| kind.detail()).to_owned();
    AnswerInput::System { code: kind.code().to_owned(), detail, effect: number(effect) }
}

/// An effect as the contract spells it.
const fn number(effect: Effect) -> u8 {
    match effect {
        Effect::No => 0,
        Effect::Yes => 1,
        Effect::Unknown => 2,
    }
}
