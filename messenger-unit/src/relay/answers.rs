//! What a scheduler answers about entries in flight, and who learns of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    BatchHeader, Entry, Refusal, RefusalCode, Signed, UnitId,
    api::{Acknowledgement, FinalRefusal, SubmitEvent},
};

use crate::{
    flight::{Flight, InFlight, ParcelFlight},
    hub::Hub,
    lock,
    session::{Event, Session},
    telling::Subject,
};

/// Takes an event of the scheduler.
pub(super) fn handle_event(
    hub: &Arc<Hub>,
    scheduler: UnitId,
    in_flight: &Mutex<InFlight>,
    event: SubmitEvent,
) {
    match event {
        SubmitEvent::Assigned { batch, entries } => {
            handle_assigned(hub, in_flight, batch, entries);
        }
        SubmitEvent::Refused { tag, refusal } => {
            handle_refused(hub, scheduler, in_flight, tag, refusal);
        }
        SubmitEvent::Final { batch, entries } => handle_final(hub, in_flight, batch, entries),
        SubmitEvent::Delivered { tags } => handle_delivered(hub, in_flight, tags),
        // Schedulers execute nothing.
        SubmitEvent::Executed { .. } => {}
    }
}

fn handle_refused(
    hub: &Arc<Hub>,
    scheduler: UnitId,
    in_flight: &Mutex<InFlight>,
    tag: u64,
    refusal: Refusal,
) {
    let mut held = lock(in_flight);
    match held.take(tag) {
        Some(Flight::Client(flight)) => {
            let elsewhere = matches!(
                refusal.code,
                RefusalCode::Moved
                    | RefusalCode::UnknownProcess
                    | RefusalCode::StaleStore
                    | RefusalCode::Fenced
            );
            if !elsewhere || matches!(flight.entry, Entry::Spawn(_)) {
                drop(held);
                return hub.refuse(&flight, refusal);
            }
            // Those behind it would be refused alike; together they keep their order.
            let process = flight.entry.target();
            let mut flights = vec![flight];
            flights.extend(held.take_moved(process));
            drop(held);
            hub.reroute(process, flights, (scheduler, &refusal));
        }
        Some(Flight::Parcel(flight)) => {
            drop(held);
            handle_refused_parcel(hub, &flight, &refusal);
        }
        Some(Flight::Errand(flight)) => {
            drop(held);
            flight.end(Err(refusal));
        }
        None => {}
    }
}

fn handle_final(
    hub: &Hub,
    in_flight: &Mutex<InFlight>,
    batch: Signed<BatchHeader>,
    entries: Vec<FinalRefusal>,
) {
    let batch = Arc::new(batch);
    let mut ended = Vec::new();
    let mut groups: BTreeMap<u64, (Arc<Session>, Vec<FinalRefusal>)> = BTreeMap::new();
    for mut entry in entries {
        let flight = lock(in_flight).take(entry.tag);
        match flight {
            Some(Flight::Client(flight)) => {
                if !hub.board.withdraw(&flight.session, &flight.id, flight.tag) {
                    continue;
                }
                entry.tag = flight.tag;
                let session = flight.session;
                let group = groups.entry(session.id()).or_insert((session, Vec::new()));
                group.1.push(entry);
            }
            Some(Flight::Errand(flight)) => {
                flight.end(Err(Refusal::new(entry.refusal.code, entry.detail)));
            }
            Some(Flight::Parcel(ParcelFlight { pair, number, ticket, parcel, .. })) => {
                let (source, target, code) = (pair.source, pair.target, entry.refusal.code);
                tracing::warn!(%source, %target, %number, code = code.word(), detail = entry.detail,
                    "a delivery is refused for good");
                hub.metrics.deliveries_refused.increment();
                ended.push((pair, (number, ticket), code));
                if parcel.is_awaited() {
                    hub.words.update(|verdicts, now| {
                        let subject = Subject::Parcel(parcel);
                        verdicts.handle_case(now, (pair, number), subject, None);
                    });
                }
            }
            None => {}
        }
    }
    for (session, entries) in groups.into_values() {
        hub.metrics.entries_refused.add_many(entries.len());
        hub.tell(&session, Event::Final { batch: Arc::clone(&batch), entries });
    }
    if !ended.is_empty() {
        hub.post.update(|outbox, _| {
            for (pair, place, code) in ended {
                outbox.handle_final(pair, place, code);
            }
        });
    }
}

fn handle_refused_parcel(hub: &Hub, flight: &ParcelFlight, refusal: &Refusal) {
    let ParcelFlight { pair, number, ticket, .. } = flight;
    if !refusal.code.is_retryable() {
        let (source, target) = (pair.source, pair.target);
        tracing::warn!(%source, %target, %number, %refusal, "a delivery is refused without proof");
        hub.metrics.deliveries_refused.increment();
    }
    let retry_after = refusal.retry_after.map(Duration::from_millis);
    hub.post.update(|outbox, now| {
        outbox.handle_refused(now, *pair, (*number, *ticket), (refusal.code, retry_after));
    });
}

fn handle_delivered(hub: &Hub, in_flight: &Mutex<InFlight>, tags: Vec<u64>) {
    let flights: Vec<ParcelFlight> = {
        let mut in_flight = lock(in_flight);
        tags.into_iter().filter_map(|tag| in_flight.take_parcel(tag)).collect()
    };
    hub.metrics.entries_assigned.add_many(flights.len());
    hub.post.update(|outbox, _| {
        for flight in flights {
            outbox.handle_assigned(flight.pair, (flight.number, flight.ticket));
        }
    });
}

fn handle_assigned(
    hub: &Arc<Hub>,
    in_flight: &Mutex<InFlight>,
    batch: Signed<BatchHeader>,
    entries: Vec<Acknowledgement>,
) {
    let batch = Arc::new(batch);
    let mut delivered = Vec::new();
    let mut assignments = Vec::new();
    let mut groups: Vec<(Arc<Session>, Vec<Acknowledgement>)> = Vec::new();
    let mut by_session: HashMap<u64, usize> = HashMap::new();
    {
        let mut in_flight = lock(in_flight);
        for mut entry in entries {
            match in_flight.take(entry.tag) {
                Some(Flight::Client(flight)) => {
                    entry.tag = flight.tag;
                    assignments.push(entry.assignment);
                    let at = *by_session.entry(flight.session.id()).or_insert_with(|| {
                        groups.push((flight.session, Vec::new()));
                        groups.len() - 1
                    });
                    if let Some((_, group)) = groups.get_mut(at) {
                        group.push(entry);
                    }
                }
                Some(Flight::Parcel(flight)) => {
                    delivered.push((flight.pair, (flight.number, flight.ticket)));
                }
                Some(Flight::Errand(flight)) => flight.end(Ok(())),
                None => {}
            }
        }
    }
    hub.metrics.entries_assigned.add_many(assignments.len());
    for (session, entries) in groups {
        hub.tell(&session, Event::Assigned { batch: Arc::clone(&batch), entries });
    }
    if !delivered.is_empty() {
        hub.post.update(|outbox, _| {
            for (pair, place) in delivered {
                outbox.handle_assigned(pair, place);
            }
        });
    }
    for missed in hub.board.missed(&assignments) {
        hub.fetch_missed(missed);
    }
}
