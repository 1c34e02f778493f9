//! One long-lived stream to a scheduler, on which everything for it travels.
//!
//! # Invariants
//!
//! - Whatever waits when the stream has room becomes one frame: batches form under load and cost no
//!   wait when idle.
//! - A client's entry is kept until its scheduler answers; a broken stream means that it is
//!   submitted again, which the scheduler recognises. A scheduler that stays away is reported after
//!   [`GRACE`].
//! - Entries for a process that the scheduler no longer orders leave all at once, in order, for
//!   whoever orders it now. So do those for a scheduler that stays away, if there is another.
//! - Deliveries are not kept: the outbox is told and submits them again.

mod answers;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{Entry, ProcessId, Refusal, RefusalCode, Role, UnitId, api::Opening, codec};
use tokio::{sync::mpsc, time::Instant};
use transport::{Connection, FrameSender};

use crate::{
    flight::{ClientFlight, Entries, Flight, InFlight, ParcelFlight},
    hub::Hub,
    lock,
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
                            flight => self.give_up([flight]),
                        }
                    }
                }
                () = &mut grace, if patient => {
                    patient = false;
                    let flights = lock(&self.in_flight).take_all();
                    self.give_up(flights);
                }
            }
        }
    }

    /// Holds a client's entry until it can be submitted.
    fn keep(&self, flight: Box<ClientFlight>) {
        lock(&self.in_flight).keep(Flight::Client(flight));
    }

    /// The scheduler cannot be reached: another may have taken over its processes.
    fn give_up(&self, flights: impl IntoIterator<Item = Flight>) {
        let detail = format!("the scheduler {} cannot be reached", self.scheduler);
        let mut refusal = Refusal::new(RefusalCode::Unreachable, detail);
        refusal.retry_after = Some(1_000);
        let alone = self.hub.peers.directory().units(Role::Scheduler).len() < 2;
        let mut by_process: BTreeMap<ProcessId, Vec<_>> = BTreeMap::new();
        for flight in flights {
            match flight {
                Flight::Client(flight) if alone || matches!(flight.entry, Entry::Spawn(_)) => {
                    self.hub.refuse(&flight, refusal.clone());
                }
                Flight::Client(flight) => {
                    by_process.entry(flight.entry.target()).or_default().push(flight);
                }
                Flight::Parcel(ParcelFlight { pair, number, ticket, .. }) => {
                    let refusal = (RefusalCode::Unreachable, None);
                    self.hub.post.update(|outbox, now| {
                        outbox.handle_refused(now, pair, (number, ticket), refusal);
                    });
                }
                Flight::Errand(flight) => flight.end(Err(refusal.clone())),
            }
        }
        for (process, flights) in by_process {
            self.hub.reroute(process, flights, (self.scheduler, &refusal));
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
                    Ok(event) => answers::handle_event(hub, *scheduler, in_flight, event),
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
            said = submit(hub, *scheduler, in_flight, queue, &mut sender) => said,
        }
    }
}

/// Submits what is in flight already, then whatever comes.
async fn submit(
    hub: &Arc<Hub>,
    scheduler: UnitId,
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
        let mut elsewhere: BTreeMap<ProcessId, Entries> = BTreeMap::new();
        {
            // Everything taken from the queue is in flight before anything is awaited.
            let mut in_flight = lock(in_flight);
            for flight in groups.drain(..).flatten() {
                let flight = match flight {
                    Flight::Client(flight)
                        if has_moved(hub, scheduler, &mut in_flight, &flight) =>
                    {
                        elsewhere.entry(flight.entry.target()).or_default().push(flight);
                        continue;
                    }
                    flight => flight,
                };
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
        for (process, flights) in elsewhere {
            let refusal = Refusal::new(RefusalCode::Moved, "another scheduler orders the log now");
            hub.reroute(process, flights, (scheduler, &refusal));
        }
        sender.send_all(frames).await?;
    }
}

/// Whether an entry that waited for the scheduler belongs to another one by now.
fn has_moved(
    hub: &Hub,
    scheduler: UnitId,
    in_flight: &mut InFlight,
    flight: &ClientFlight,
) -> bool {
    let process = flight.entry.target();
    if !in_flight.has_moved(&process) {
        return false;
    }
    let known = hub.locations.cached(&process);
    let back = known.is_some_and(|known| known.scheduler() == scheduler);
    if back {
        in_flight.comes_back(&process);
    }
    !back
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
        Flight::Errand(flight) => {
            let detail = "the entry with its proof is longer than a frame";
            flight.end(Err(Refusal::new(RefusalCode::TooLarge, detail)));
        }
    }
}
