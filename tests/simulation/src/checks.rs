//! What must hold when everything has come to rest: of logs, outcomes, and what clients were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use compute_unit::{Replay, Successor};
use protocol::{
    Assignment, Entry, EntryId, Hash, ItemBody, OutboxItem, Outcome, PairNumber, ProcessId, Slot,
    Spawn, Timer, TimerKind, UnitId,
    api::{AgendaPage, Executed, LogPage, LogRecord, OutcomePage, ProcessPage, Request},
    codec,
};
use simulated_transport::{Peers, RequestError};

use crate::{
    actor,
    client::Told,
    world::{Plan, Report},
};

/// All that units say in the end.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    logs: BTreeMap<ProcessId, Vec<LogRecord>>,
    /// Outcomes of each compute unit.
    outcomes: BTreeMap<UnitId, BTreeMap<ProcessId, Vec<Executed>>>,
    agendas: BTreeMap<UnitId, Vec<Timer>>,
    /// Which deliveries are refused for good.
    refused: BTreeSet<EntryId>,
}

/// What does not hold.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It may come to hold.
    NotYet(String),
    /// It never will.
    Never(String),
}

/// Reads everything from schedulers and compute units.
pub(crate) async fn read(
    peers: &Peers,
    (schedulers, computes): (Vec<UnitId>, Vec<UnitId>),
) -> Result<Logs, String> {
    let mut logs = Logs::default();
    for scheduler in &schedulers {
        let request = Request::Processes { offset: 0, limit: 1_000 };
        let page: ProcessPage = ask(peers.ask(*scheduler, &request).await)?;
        for known in page.processes {
            let (process, mut records) = (known.process, Vec::<LogRecord>::new());
            loop {
                let from = Slot::new(records.len() as u64);
                let request = Request::Log { process, from, limit: 500 };
                let page: LogPage = ask(peers.ask(*scheduler, &request).await)?;
                let end = page.records.is_empty();
                records.extend(page.records);
                if end {
                    break;
                }
            }
            // Of one that was given away its scheduler has only the beginning.
            let known = logs.logs.entry(process).or_default();
            if records.len() >= known.len() {
                *known = records;
            }
        }
    }
    for compute in computes {
        let mut outcomes = BTreeMap::new();
        for process in logs.logs.keys().copied() {
            let mut executed = Vec::<Executed>::new();
            loop {
                let from = Slot::new(executed.len() as u64);
                let request = Request::Outcomes { process, from, limit: 500 };
                let page: OutcomePage = ask(peers.ask(compute, &request).await)?;
                if page.executed.is_empty() {
                    break;
                }
                executed.extend(page.executed);
            }
            outcomes.insert(process, executed);
        }
        logs.outcomes.insert(compute, outcomes);
        let request = Request::Agenda { after: None, limit: 10_000 };
        let page: AgendaPage = ask(peers.ask(compute, &request).await)?;
        logs.agendas.insert(compute, page.timers);
    }
    logs.read_refusals(peers, &schedulers).await?;
    Ok(logs)
}

fn ask<T>(asked: Result<T, RequestError>) -> Result<T, String> {
    asked.map_err(|error| error.to_string())
}

impl Logs {
    /// Asks about all deliveries that are not in their targets' logs.
    async fn read_refusals(&mut self, peers: &Peers, schedulers: &[UnitId]) -> Result<(), String> {
        let mut missing = Vec::new();
        for executed in self.outcomes.values().flat_map(BTreeMap::values).flatten() {
            for item in &executed.outcome.outbox {
                let (source, slot) = (executed.outcome.process, executed.outcome.slot);
                let delivery = protocol::Delivery { source, slot, item: item.clone() };
                let id = Entry::Delivery(delivery).id();
                let there = self.logs.get(&item.target).into_iter().flatten();
                if item.pair.is_some()
                    && !there.map(|record| record.assignment.entry).any(|entry| entry == id)
                {
                    missing.push(id);
                }
            }
        }
        for id in missing {
            for scheduler in schedulers {
                let request = Request::Refused(id);
                match peers.ask::<protocol::RefusalProof>(*scheduler, &request).await {
                    Ok(_) => drop(self.refused.insert(id)),
                    Err(RequestError::Refused(_)) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
        Ok(())
    }
}

/// Checks everything.
pub(crate) fn check(logs: &Logs, told: &Told, plan: Plan) -> Result<Report, Wrong> {
    let mut report = Report::default();
    let mut outcomes = BTreeMap::new();
    for (process, records) in &logs.logs {
        check_chain(*process, records)?;
        let replayed = replay(*process, records)?;
        let mut executors = 0;
        for (unit, executed) in &logs.outcomes {
            let executed = &executed[process];
            for (executed, expected) in executed.iter().zip(&replayed) {
                if executed.outcome != *expected {
                    let slot = expected.slot;
                    return never(format!("{unit} says something else of {process} {slot}"));
                }
            }
            executors += usize::from(executed.len() == records.len());
        }
        if executors < usize::from(plan.quorum) {
            return not_yet(format!("{process} is executed by {executors} to its end"));
        }
        report.slots += records.len();
        report.digest ^= last_chain(records);
        outcomes.insert(*process, replayed);
    }
    count(logs, &mut report);
    check_clients(logs, told, &outcomes)?;
    for process in outcomes.keys() {
        check_outbox(logs, &outcomes, *process)?;
        check_waits(logs, &outcomes, *process)?;
    }
    Ok(report)
}

fn never<T>(text: String) -> Result<T, Wrong> {
    Err(Wrong::Never(text))
}

fn not_yet<T>(text: String) -> Result<T, Wrong> {
    Err(Wrong::NotYet(text))
}

fn last_chain(records: &[LogRecord]) -> u64 {
    let chain = records.last().map_or(Hash::ZERO, |record| record.assignment.chain);
    u64::from_le_bytes(*chain.as_bytes().first_chunk().unwrap())
}

/// Slots are dense, times do not go back, the chain holds, and no entry stands twice.
fn check_chain(process: ProcessId, records: &[LogRecord]) -> Result<(), Wrong> {
    let (mut chain, mut time, mut seen) = (Hash::ZERO, Default::default(), BTreeSet::new());
    for (record, slot) in records.iter().zip(0..) {
        let assignment: &Assignment = &record.assignment;
        let holds = assignment.slot == Slot::new(slot)
            && assignment.process == process
            && assignment.follows(&chain)
            && assignment.time >= time
            && assignment.entry == record.entry.id()
            && record.entry.target() == process
            && seen.insert(assignment.entry);
        if !holds {
            return never(format!("the log of {process} does not hold at {slot}"));
        }
        (chain, time) = (assignment.chain, assignment.time);
    }
    Ok(())
}

/// Executes a log anew.
fn replay(process: ProcessId, records: &[LogRecord]) -> Result<Vec<Outcome>, Wrong> {
    let Some(spawn) = records.first().and_then(|record| born(&record.entry)) else {
        return never(format!("{process} does not begin with a spawn"));
    };
    let modules = actor::modules();
    let mut replay = Replay::new(process, spawn.clone(), &modules[&spawn.module]).unwrap();
    let execute = |record: &LogRecord| {
        let module = replay.upgrade_of(&record.entry);
        let successor = module.map(|module| Successor::Ready(Arc::clone(&modules[&module])));
        replay.execute(&record.assignment, &record.entry, successor.as_ref()).unwrap().outcome
    };
    Ok(records.iter().map(execute).collect())
}

fn born(entry: &Entry) -> Option<Spawn> {
    match entry {
        Entry::Spawn(spawn) => Some(spawn.unverified().clone()),
        Entry::Delivery(delivery) => match &delivery.item.body {
            ItemBody::Spawn(bytes, _) => codec::decode(bytes).ok(),
            _ => None,
        },
        _ => None,
    }
}

fn count(logs: &Logs, report: &mut Report) {
    for record in logs.logs.values().flatten() {
        match &record.entry {
            Entry::Delivery(_) => report.deliveries += 1,
            Entry::Skip(_) => report.skips += 1,
            Entry::Timer(_) => report.timers += 1,
            Entry::Answer(_) => report.answers += 1,
            _ => {}
        }
    }
}

/// What clients were told is so, and they were told something of everything.
fn check_clients(
    logs: &Logs,
    told: &Told,
    outcomes: &BTreeMap<ProcessId, Vec<Outcome>>,
) -> Result<(), Wrong> {
    for (entry, assignment) in &told.assigned {
        let at = usize::try_from(assignment.slot.get()).unwrap();
        let found = logs.logs.get(&assignment.process).and_then(|records| records.get(at));
        if found.map(|record| record.assignment) != Some(*assignment) {
            let found = found.map(|record| record.assignment);
            return never(format!(
                "{entry} was acknowledged and is not in the log: {assignment:?}, where there is {found:?}"
            ));
        }
        let outcome = &outcomes[&assignment.process][at];
        if told.executed.get(entry).is_some_and(|digest| *digest != outcome.digest()) {
            return never(format!("a client was told another outcome of {entry}"));
        }
    }
    for id in told.submitted.keys() {
        if let Some(code) = told.refused.get(id) {
            if told.assigned.contains_key(id) {
                return never(format!("{id} is acknowledged and refused: {code:?}"));
            }
        } else if !told.executed.contains_key(id) {
            return not_yet(format!("a client waits for {id}"));
        }
    }
    Ok(())
}

/// The items of a process that go to others, by pair, in order.
fn pairs(outcomes: &[Outcome]) -> BTreeMap<ProcessId, Vec<(Slot, &OutboxItem)>> {
    let mut pairs: BTreeMap<ProcessId, Vec<(Slot, &OutboxItem)>> = BTreeMap::new();
    for outcome in outcomes {
        for item in outcome.outbox.iter().filter(|item| item.pair.is_some()) {
            pairs.entry(item.target).or_default().push((outcome.slot, item));
        }
    }
    pairs
}

/// Every number of every pair has come, was passed over or is refused for good, once and in order.
fn check_outbox(
    logs: &Logs,
    outcomes: &BTreeMap<ProcessId, Vec<Outcome>>,
    source: ProcessId,
) -> Result<(), Wrong> {
    for (target, items) in pairs(&outcomes[&source]) {
        let mut arrived =
            logs.logs.get(&target).into_iter().flatten().filter_map(|record| match &record.entry {
                Entry::Delivery(delivery) if delivery.source == source => {
                    let number = delivery.item.pair.map(|pair| pair.number);
                    Some((number, Some((delivery.slot, delivery.item.clone()))))
                }
                Entry::Skip(skip) if skip.source == source => match skip.item.body {
                    ItemBody::Skip(number) => Some((Some(number), None)),
                    _ => None,
                },
                _ => None,
            });
        let mut next = arrived.next();
        for ((slot, item), number) in items.iter().zip(0..) {
            let number = PairNumber::new(number);
            if item.pair.map(|pair| pair.number) != Some(number) {
                return never(format!("the numbers from {source} to {target} are not dense"));
            }
            match &next {
                Some((at, what)) if *at == Some(number) => {
                    let same = what.as_ref().is_none_or(|(at, what)| (at, what) == (slot, *item));
                    if !same {
                        return never(format!("{number} from {source} to {target} is another one"));
                    }
                    next = arrived.next();
                }
                _ => {
                    let (slot, item) = (*slot, (*item).clone());
                    let id = Entry::Delivery(protocol::Delivery { source, slot, item }).id();
                    if !logs.refused.contains(&id) {
                        return not_yet(format!("{number} from {source} to {target}: {next:?}"));
                    }
                }
            }
        }
        if let Some((number, _)) = next {
            return never(format!("{number:?} from {source} to {target} came out of turn"));
        }
    }
    Ok(())
}

/// Every ask, birth and timer has ended, and in a way that is true.
fn check_waits(
    logs: &Logs,
    outcomes: &BTreeMap<ProcessId, Vec<Outcome>>,
    process: ProcessId,
) -> Result<(), Wrong> {
    let records = &logs.logs[&process];
    let mut timers: BTreeMap<(Slot, u32), Vec<u64>> = BTreeMap::new();
    for record in records {
        if let Entry::Timer(timer) = &record.entry {
            timers.entry((timer.slot, timer.index)).or_default().push(timer.occurrence);
        }
    }
    if timers.values().any(|occurrences| !occurrences.is_sorted_by(|one, next| one < next)) {
        return never(format!("a timer of {process} came twice, or out of turn"));
    }
    for outcome in &outcomes[&process] {
        for item in &outcome.outbox {
            match &item.body {
                ItemBody::Ask { .. } | ItemBody::Spawn(_, Some(_)) => {
                    check_answered(logs, (process, outcome.slot, item))?;
                }
                ItemBody::Timer { every: None, .. }
                    if !timers.contains_key(&(outcome.slot, item.index)) =>
                {
                    let (slot, waits) = (outcome.slot, &logs.agendas);
                    return not_yet(format!(
                        "{item:?} of {process} {slot} has not come, {waits:?}"
                    ));
                }
                ItemBody::Timer { catch_up: true, .. } => {
                    let came = timers.get(&(outcome.slot, item.index));
                    if !came.into_iter().flatten().copied().eq(0..came.map_or(0, Vec::len) as u64) {
                        return never(format!("a timer of {process} was not made up for"));
                    }
                }
                _ => {}
            }
        }
    }
    for (unit, agenda) in &logs.agendas {
        // One that has left the process to another unit knows nothing newer.
        if logs.outcomes[unit][&process].len() < records.len() {
            continue;
        }
        let of_it = agenda.iter().filter(|timer| timer.process == process);
        if let Some(timer) = of_it.min_by_key(|timer| timer.due) {
            return not_yet(format!("{unit} says that {timer:?} is waited for"));
        }
    }
    Ok(())
}

/// An ask has an answer, and what it says of the ask's effect is true.
fn check_answered(
    logs: &Logs,
    (process, slot, item): (ProcessId, Slot, &OutboxItem),
) -> Result<(), Wrong> {
    let number = item.pair.unwrap().number;
    let came = logs.logs.get(&item.target).into_iter().flatten().any(|record| {
        matches!(&record.entry, Entry::Delivery(delivery)
            if delivery.source == process && delivery.item.pair == item.pair)
    });
    let mut answers = 0;
    for record in &logs.logs[&process] {
        match &record.entry {
            Entry::Delivery(delivery) if delivery.source == item.target => {
                let ItemBody::Reply { slot: at, index, .. } = &delivery.item.body else { continue };
                answers += u32::from((*at, *index) == (slot, item.index));
            }
            Entry::Timer(Timer {
                slot: at,
                index,
                kind: TimerKind::AskTimeout | TimerKind::NoTarget,
                ..
            }) => {
                answers += u32::from((*at, *index) == (slot, item.index));
            }
            Entry::Answer(answer) => {
                let statement = answer.statement.unverified();
                if (statement.target, statement.number) != (item.target, number) {
                    continue;
                }
                let refused = matches!(statement.verdict, protocol::Verdict::Refused(_));
                if refused == came {
                    return never(format!("{process} is told a lie about its ask of {slot}"));
                }
                answers += u32::from(refused);
            }
            _ => {}
        }
    }
    if answers == 0 {
        return not_yet(format!("the ask of {process} {slot} {} has no answer", item.index));
    }
    Ok(())
}
