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
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use protocol::{
    BatchHeader, Entry, EntryId, OriginProof, PairNumber, Provenance, Refusal, RefusalCode, Signed,
    UnitId,
    api::{Acknowledgement, Opening, SubmitEvent},
    codec,
};
use tokio::{sync::mpsc, time::Instant};
use transport::{Connection, FrameReceiver, FrameSender};

use crate::{
    hub::Hub,
    lock,
    location::Known,
    outbox::PairKey,
    parcel::Parcel,
    session::{Event, Session, Share},
    wire::{FrameBuilder, OriginRef},
};

/// How long clients wait for a scheduler that is away.
const GRACE: Duration = Duration::from_secs(5);

/// How long a stream that ended at once is not opened again.
const PAUSE: Duration = Duration::from_millis(200);

/// The length from which a frame is sent, and that no frame exceeds.
const FRAME_BYTES: usize = 512 << 10;
const FRAME_MAX: usize = 4 << 20;

/// Groups taken from the queue at once.
const GROUPS_MAX: usize = 64;

/// Something on its way to a scheduler.
#[derive(Debug)]
pub(crate) enum Flight {
    /// A client's entry.
    Client(ClientFlight),
    /// An item of the outbox.
    Parcel(ParcelFlight),
}

/// A client's entry.
#[derive(Debug)]
pub(crate) struct ClientFlight {
    pub(crate) session: Arc<Session>,
    pub(crate) tag: u64,
    pub(crate) id: EntryId,
    pub(crate) entry: Entry,
    pub(crate) origin: Option<Box<OriginProof>>,
    /// Held while the entry is in memory.
    #[expect(dead_code, reason = "letting go of it is what it is for")]
    pub(crate) share: Arc<Share>,
}

/// An item of the outbox.
#[derive(Debug)]
pub(crate) struct ParcelFlight {
    pub(crate) pair: PairKey,
    pub(crate) number: PairNumber,
    pub(crate) ticket: u64,
    pub(crate) parcel: Parcel,
    /// The source, where it must be introduced.
    pub(crate) introduction: Option<Arc<Known>>,
}

/// What is in flight, by the tag the scheduler knows it by.
#[derive(Debug, Default)]
struct InFlight {
    flights: BTreeMap<u64, Flight>,
    next_tag: u64,
}

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
                    let flights = mem::take(&mut lock(&self.in_flight).flights);
                    flights.into_values().for_each(|flight| self.refuse(flight));
                }
            }
        }
    }

    /// Holds a client's entry until it can be submitted.
    fn keep(&self, flight: ClientFlight) {
        let mut in_flight = lock(&self.in_flight);
        let tag = in_flight.next_tag;
        in_flight.next_tag += 1;
        in_flight.flights.insert(tag, Flight::Client(flight));
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
        let mut lost = Vec::new();
        lock(&self.in_flight).flights.retain(|_, flight| match flight {
            Flight::Client(_) => true,
            Flight::Parcel(flight) => {
                lost.push((flight.pair, flight.ticket));
                false
            }
        });
        if !lost.is_empty() {
            self.hub.post.update(|outbox, _| {
                for (pair, ticket) in lost {
                    outbox.handle_disconnected(pair, ticket);
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
