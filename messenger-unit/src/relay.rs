//! One long-lived stream to a scheduler, on which everything for it travels.
//!
//! # Invariants
//!
//! - Whatever waits when the stream has room becomes one frame: batches form under load and cost no
//!   wait when idle.
//! - A client's entry is kept until its scheduler answers; a broken stream means that it is
//!   submitted again, which the scheduler recognises. A scheduler that stays away is reported after
//!   [`GRACE`].
//! - Deliveries are not kept: the outbox is told and submits them again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    BatchHeader, Refusal, RefusalCode, Signed, UnitId,
    api::{Acknowledgement, Opening, SubmitEvent},
    codec,
};
use tokio::{sync::mpsc, time::Instant};
use transport::{Connection, FrameSender};

use crate::{
    flight::{ClientFlight, Flight, InFlight, ParcelFlight},
    hub::Hub,
    lock,
    session::{Event, Session},
    wire::FrameBuilder,
};

/// How long clients wait for a scheduler that is away.
const GRACE: Duration = Duration::from_secs(5);

/// How long a stream that ended at once is not opened again.
const PAUSE: Duration = Duration::from_millis(200);

/// Groups taken from the queue at once.
const GROUPS_MAX: usize = 64;

/// A relay.
struct Relay {
    hub: Arc<Hub>,
    scheduler: UnitId,
    queue: mpsc::Receiver<Vec<Flight>>,
    in_flight: Mutex<InFlight>,
}

/// Runs the relay to a scheduler until the messenger stops.
pub(crate) async fn run(hub: Arc<Hub>, scheduler: UnitId, queue: mpsc::Receiver<Vec<Flight>>) {
    let mut relay = Relay { hub, scheduler, queue, in_flight: Mutex::default() };
    loop {
        let connection = relay.connect().await;
        relay.hub.post.update(|outbox, _| outbox.handle_reachable());
        let began = Instant::now();
        if let Err(error) = relay.converse(&connection).await {
            tracing::info!(%scheduler, %error, "the relay to a scheduler broke");
        }
        relay.hub.metrics.relay_reconnects.increment();
        relay.lose_parcels();
        if began.elapsed() < PAUSE {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Relay {
    /// Waits for a connection; keeps what comes meanwhile until the grace is over, and refuses it
    /// from then on.
    async fn connect(&mut self) -> Connection {
        let peer = self.hub.peers.peer(self.scheduler);
        let connected = peer.connection();
        let grace = tokio::time::sleep(GRACE);
        tokio::pin!(connected, grace);
        let mut patient = true;
        loop {
            tokio::select! {
                connection = &mut connected => return connection,
                Some(group) = self.queue.recv() => {
                    for flight in group {
                        match flight {
                            Flight::Client(flight) if patient => self.keep(flight),
                            flight => self.refuse(flight),
                        }
                    }
                }
                () = &mut grace, if patient => {
                    patient = false;
                    let flights = lock(&self.in_flight).take_all();
                    flights.into_iter().for_each(|flight| self.refuse(flight));
                }
            }
        }
    }

    /// Holds a client's entry until it can be submitted.
    fn keep(&self, flight: Box<ClientFlight>) {
        lock(&self.in_flight).keep(Flight::Client(flight));
    }

    fn refuse(&self, flight: Flight) {
        match flight {
            Flight::Client(flight) => {
                let detail = format!("the scheduler {} cannot be reached", self.scheduler);
                let mut refusal = Refusal::new(RefusalCode::Unreachable, detail);
                refusal.retry_after = Some(1_000);
                self.hub.refuse(&flight, refusal);
            }
            Flight::Parcel(ParcelFlight { pair, number, ticket, .. }) => {
                let refusal = (RefusalCode::Unreachable, None);
                self.hub.post.update(|outbox, now| {
                    outbox.handle_refused(now, pair, (number, ticket), refusal);
                });
            }
        }
    }

    /// Tells the outbox that nothing more will be heard of what is in flight.
    fn lose_parcels(&self) {
        let lost = lock(&self.in_flight).take_parcels();
        if !lost.is_empty() {
            self.hub.post.update(|outbox, _| {
                for flight in lost {
                    outbox.handle_disconnected(flight.pair, flight.ticket);
                }
            });
        }
    }

    /// Submits and listens until the stream ends.
    async fn converse(&mut self, connection: &Connection) -> Result<(), transport::Error> {
        let (mut sender, mut receiver) =
            connection.open_stream(&codec::encode(&Opening::Submit)).await?;
        let Self { hub, scheduler, queue, in_flight } = self;
        let listening = async {
            while let Some(frame) = receiver.recv().await? {
                match codec::decode(&frame) {
                    Ok(event) => handle_event(hub, in_flight, event),
                    Err(error) => {
                        tracing::warn!(%scheduler, %error, "a scheduler's event cannot be read");
                        break;
                    }
                }
            }
            Ok(())
        };
        tokio::select! {
            heard = listening => heard,
            said = submit(hub, in_flight, queue, &mut sender) => said,
        }
    }
}

/// Submits what is in flight already, then whatever comes.
async fn submit(
    hub: &Hub,
    in_flight: &Mutex<InFlight>,
    queue: &mut mpsc::Receiver<Vec<Flight>>,
    sender: &mut FrameSender,
) -> Result<(), transport::Error> {
    let mut frame = FrameBuilder::default();
    let mut resumed = Some(0);
    while let Some(from) = resumed {
        resumed = lock(in_flight).encode_from(from, &mut frame);
        if !frame.is_empty() {
            sender.send(&frame.take()).await?;
        }
    }
    let mut groups = Vec::new();
    loop {
        if queue.recv_many(&mut groups, GROUPS_MAX).await == 0 {
            return Ok(());
        }
        let mut frames = Vec::new();
        let mut too_large = Vec::new();
        {
            // Everything taken from the queue is in flight before anything is awaited.
            let mut in_flight = lock(in_flight);
            for flight in groups.drain(..).flatten() {
                if let Err(flight) = in_flight.encode(flight, &mut frame) {
                    too_large.push(flight);
                }
                if frame.len() >= FrameBuilder::FULL {
                    frames.push(frame.take());
                }
            }
        }
        if !frame.is_empty() {
            frames.push(frame.take());
        }
        too_large.into_iter().for_each(|flight| refuse_size(hub, flight));
        sender.send_all(frames).await?;
    }
}

fn refuse_size(hub: &Hub, flight: Flight) {
    match flight {
        Flight::Client(flight) => {
            let detail = "the entry with its proof is longer than a frame";
            hub.refuse(&flight, Refusal::new(RefusalCode::TooLarge, detail));
        }
        Flight::Parcel(ParcelFlight { pair, number, ticket, .. }) => {
            hub.metrics.deliveries_refused.increment();
            let refusal = (RefusalCode::TooLarge, None);
            hub.post.update(|outbox, now| {
                outbox.handle_refused(now, pair, (number, ticket), refusal);
            });
        }
    }
}

fn handle_event(hub: &Arc<Hub>, in_flight: &Mutex<InFlight>, event: SubmitEvent) {
    match event {
        SubmitEvent::Assigned { batch, entries } => {
            handle_assigned(hub, in_flight, batch, entries);
        }
        SubmitEvent::Refused { tag, refusal } => {
            handle_refused(hub, in_flight, tag, refusal);
        }
        SubmitEvent::Final { entries, .. } => {
            for entry in entries {
                let refusal = Refusal::new(entry.refusal.code, entry.detail);
                handle_refused(hub, in_flight, entry.tag, refusal);
            }
        }
        // Schedulers execute nothing.
        SubmitEvent::Executed { .. } => {}
    }
}

fn handle_refused(hub: &Hub, in_flight: &Mutex<InFlight>, tag: u64, refusal: Refusal) {
    let flight = lock(in_flight).take(tag);
    match flight {
        Some(Flight::Client(flight)) => hub.refuse(&flight, refusal),
        Some(Flight::Parcel(flight)) => handle_refused_parcel(hub, &flight, &refusal),
        None => {}
    }
}

fn handle_refused_parcel(hub: &Hub, flight: &ParcelFlight, refusal: &Refusal) {
    let ParcelFlight { pair, number, ticket, .. } = flight;
    if !refusal.code.is_retryable() {
        let (source, target) = (pair.source, pair.target);
        tracing::warn!(%source, %target, %number, %refusal, "a delivery is refused for good");
        hub.metrics.deliveries_refused.increment();
    }
    let retry_after = refusal.retry_after.map(Duration::from_millis);
    hub.post.update(|outbox, now| {
        outbox.handle_refused(now, *pair, (*number, *ticket), (refusal.code, retry_after));
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
                Some(Flight::Parcel(flight)) => delivered.push((flight.pair, flight.number)),
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
            for (pair, number) in delivered {
                outbox.handle_assigned(pair, number);
            }
        });
    }
    for missed in hub.board.missed(&assignments) {
        hub.fetch_missed(missed);
    }
}
