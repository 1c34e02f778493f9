//! The same facts for scripts.

mod process;
mod schema;

use data_encoding::BASE64;
use protocol::{
    Entry, Outcome, Reply, UnitId,
    api::{LogRecord, WaitingState},
    codec,
    json::bytes_to_json,
};
use serde_json::{Value as Json, json};

use super::{
    facts::{
        Arrival, Call, Caused, LogFacts, MessageFacts, Names, Problem, ProcessList, SlotFacts,
        UnitFacts, WaitingFacts,
    },
    show::plain,
};
use crate::output::OutcomeShape;

pub(crate) use process::{network, outcomes, process, replied, state, under_way};
pub(crate) use schema::schema;

/// The most characters of an error's detail in an event.
const DETAIL_MAX: usize = 120;

/// `{"error": {"code", "number", "detail"}}`.
pub(crate) fn problem(problem: &Problem) -> Json {
    let Problem { code, number, detail, .. } = problem;
    json!({"error": {"code": code, "number": number, "detail": detail}})
}

/// All units.
pub(crate) fn units(units: &[UnitFacts]) -> Json {
    json!({"units": units.iter().map(unit).collect::<Vec<_>>()})
}

/// One unit.
pub(crate) fn unit(facts: &UnitFacts) -> Json {
    let record = &facts.record;
    let mut json = json!({
        "unit": record.unit, "kind": record.role.word(), "operator": record.operator,
        "addresses": record.addresses,
    });
    let state = match &facts.status {
        Ok(status) => json!({
            "reachable": true, "software": status.software, "started": status.started,
            "counters": status.counters.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        }),
        Err(_) => json!({"reachable": false}),
    };
    merge(&mut json, state);
    json
}

/// A piece of the list of processes.
pub(crate) fn processes(list: &ProcessList) -> Json {
    let rows = list.rows.iter().map(|row| {
        json!({
            "process": row.process, "name": row.name, "module": row.module,
            "controller": row.controller, "scheduler": row.scheduler, "slots": row.next,
            "time": row.time,
        })
    });
    json!({
        "processes": rows.collect::<Vec<_>>(), "offset": list.offset, "total": list.total,
        "missing": list.missing.iter().map(|(unit, _)| *unit).collect::<Vec<_>>(),
    })
}

/// What waits to be delivered, as `antiphon outbox --json` prints it but for names.
pub(crate) fn waiting(waiting: &WaitingFacts) -> Json {
    let pairs = waiting.pairs.iter().map(|(unit, pair)| {
        let (state, reason, retry_in) = match pair.state {
            WaitingState::Moving => ("moving", None, None),
            WaitingState::Retrying { reason, retry_in } => {
                ("retrying", Some(reason.word()), Some(retry_in))
            }
            WaitingState::Blocked(reason) => ("blocked", Some(reason.word()), None),
        };
        json!({
            "source": pair.source, "target": pair.target, "number": pair.number, "slot": pair.slot,
            "waiting": pair.count, "state": state, "reason": reason, "retry_in": retry_in,
            "messenger": unit,
        })
    });
    json!({
        "pairs": pairs.collect::<Vec<_>>(), "total": waiting.total, "timers": waiting.timers,
        "missing": waiting.missing.iter().map(|(unit, _)| *unit).collect::<Vec<_>>(),
    })
}

/// A piece of a log.
pub(crate) fn log(log: &LogFacts) -> Json {
    json!({
        "slots": log.rows.iter().map(slot).collect::<Vec<_>>(), "next": log.next,
        "outcomes_known": log.problem.is_none(),
    })
}

/// One slot, as `antiphon log --json` prints it.
pub(crate) fn slot(row: &SlotFacts) -> Json {
    let SlotFacts { assignment, call, progress, .. } = row;
    json!({
        "slot": assignment.slot, "time": assignment.time, "message": assignment.entry,
        "kind": call.kind, "from": call.from, "method": call.method, "args": args(call),
        "outcome": progress.executed().map(|executed| outcome(&executed.outcome)),
    })
}

fn outcome(outcome: &Outcome) -> Json {
    serde_json::to_value(OutcomeShape::of(outcome)).unwrap_or_default()
}

/// One message with its proofs, its origin and what it caused.
pub(crate) fn message(facts: &MessageFacts) -> Json {
    let assignment = &facts.record.assignment;
    let caused = |caused: &Caused| {
        json!({
            "kind": caused.call.kind, "target": caused.item.target, "method": caused.call.method,
            "args": args(&caused.call), "message": caused.entry,
            "slot": match caused.arrival { Arrival::Assigned(slot) => Some(slot), _ => None },
        })
    };
    let origin = facts.origin.as_ref().map(|origin| {
        let entry = origin.entry.as_ref().ok().map(|record| record.assignment.entry);
        json!({"process": origin.process, "slot": origin.slot, "index": origin.index, "message": entry})
    });
    let receipt = facts.progress.executed().map(|executed| {
        let chain = executed.receipt.leaf.chain;
        json!({"unit": executed.receipt.unit(), "verified": chain == assignment.chain})
    });
    json!({
        "message": assignment.entry, "process": assignment.process, "slot": assignment.slot,
        "time": assignment.time, "epoch": assignment.epoch, "chain": assignment.chain.to_string(),
        "kind": facts.call.kind, "from": facts.call.from, "method": facts.call.method,
        "args": args(&facts.call), "assignment_verified": facts.proof.is_ok(), "receipt": receipt,
        "outcome": facts.progress.executed().map(|executed| outcome(&executed.outcome)),
        "signed": signed(&facts.record.entry), "origin": origin, "caused_from": facts.items_from,
        "caused": facts.caused.iter().map(caused).collect::<Vec<_>>(),
    })
}

/// A message as its sender has signed it, to be checked, or submitted again.
fn signed(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Message(message) => Some(BASE64.encode(&codec::encode(message))),
        _ => None,
    }
}

/// One outcome for those who follow a process, whole, with the unit that states it.
pub(crate) fn followed(seen: &Outcome, unit: UnitId) -> Json {
    json!({
        "process": seen.process, "slot": seen.slot, "message": seen.entry, "unit": unit,
        "outcome": outcome(seen),
    })
}

/// One outcome for those who watch, without anything that could be long.
pub(crate) fn event(seen: &Outcome, record: Option<&LogRecord>, names: &Names) -> Json {
    let call = record.map(|record| Call::of_entry(&record.entry));
    let call = call.as_ref();
    let failure = match &seen.reply {
        Reply::Failure(failure) => Some(failure),
        Reply::Value(_) | Reply::Later => None,
    };
    let reply = match &seen.reply {
        Reply::Value(value) => Some(super::show::value_line(value)),
        Reply::Failure(_) | Reply::Later => None,
    };
    json!({
        "process": seen.process, "name": names.get(&seen.process).map(|name| plain(name, 40)),
        "slot": seen.slot, "message": seen.entry, "time": record.map(|record| record.assignment.time), "kind": call.map(|call| call.kind),
        "method": call.and_then(|call| call.method.as_deref()).map(|method| plain(method, 40)),
        "from": call.map(|call| call.from), "ok": failure.is_none(), "reply": reply,
        "error": failure.map(|failure| json!({
            "code": plain(&failure.code, 40), "detail": plain(&failure.detail, DETAIL_MAX),
        })),
        "gas": seen.gas, "outbox": seen.outbox.len(),
    })
}

fn args(call: &Call) -> Json {
    call.args.as_deref().map_or(Json::Null, bytes_to_json)
}

fn merge(json: &mut Json, other: Json) {
    if let (Json::Object(object), Json::Object(other)) = (json, other) {
        object.extend(other);
    }
}

#[cfg(test)]
mod tests;
