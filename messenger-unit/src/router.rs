//! From a client's entries to the relays of the schedulers they belong to, and back with refusals.
//!
//! # Invariants
//!
//! - Entries of one client stream for one process reach its scheduler in the order in which they
//!   were submitted, also while the process is being found.

use std::{collections::HashMap, sync::Arc};

use protocol::{Entry, ProcessId, Refusal, RefusalCode, UnitId, api::Submission};
use tokio::sync::mpsc;

use crate::{
    flight::{ClientFlight, Flight},
    hub::Hub,
    lock, relay,
    session::{Event, Session, Share},
};

/// Groups of entries that may wait for one relay.
const RELAY_QUEUE: usize = 256;

/// Entries that wait for their process to be found.
pub(crate) type Parked = HashMap<ProcessId, Vec<Box<ClientFlight>>>;

/// Where an entry goes.
enum Way {
    To(UnitId),
    /// Its process must be found first.
    Search,
    Nowhere(Refusal),
}

impl Hub {
    /// Sends a client's entries on their ways; waits while the relays are full.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        session: &Arc<Session>,
        submissions: Vec<Submission>,
        share: &Arc<Share>,
    ) {
        self.metrics.entries_taken.add_many(submissions.len());
        let mut interests = Vec::with_capacity(submissions.len());
        let mut flights = Vec::with_capacity(submissions.len());
        for Submission { tag, entry, origin, introduction } in submissions {
            let id = entry.id();
            interests.push((id, tag));
            let (session, share) = (Arc::clone(session), Arc::clone(share));
            let flight =
                ClientFlight { session, tag, id, entry, origin, introduction, _share: share };
            flights.push(Box::new(flight));
        }
        self.board.register(session, &interests);
        let mut groups: Vec<(UnitId, Vec<Flight>)> = Vec::new();
        for flight in flights {
            match self.way(&flight) {
                Way::To(scheduler) => {
                    let flight = Flight::Client(flight);
                    match groups.iter_mut().find(|(unit, _)| *unit == scheduler) {
                        Some((_, group)) => group.push(flight),
                        None => groups.push((scheduler, vec![flight])),
                    }
                }
                Way::Search => self.park(flight),
                Way::Nowhere(refusal) => self.refuse(&flight, refusal),
            }
        }
        for (scheduler, group) in groups {
            // A relay ends only with the messenger.
            let _ = self.relay(scheduler).send(group).await;
        }
    }

    /// The queue to a scheduler, whose relay runs from then on.
    pub(crate) fn relay(self: &Arc<Self>, scheduler: UnitId) -> mpsc::Sender<Vec<Flight>> {
        let mut relays = lock(&self.relays);
        let start = || {
            let (sender, queue) = mpsc::channel(RELAY_QUEUE);
            self.spawn(relay::run(Arc::clone(self), scheduler, queue));
            sender
        };
        relays.entry(scheduler).or_insert_with(start).clone()
    }

    /// Tells a client that its entry is refused, unless its outcome is known already.
    pub(crate) fn refuse(&self, flight: &ClientFlight, refusal: Refusal) {
        if self.board.withdraw(&flight.session, &flight.id, flight.tag) {
            self.metrics.entries_refused.increment();
            self.tell(&flight.session, Event::Refused { tag: flight.tag, refusal });
        }
    }

    /// Tells a client something.
    pub(crate) fn tell(&self, session: &Session, event: Event) {
        if !session.push(event) {
            self.metrics.slow_clients.increment();
        }
    }

    fn way(&self, flight: &ClientFlight) -> Way {
        if let Entry::Spawn(spawn) = &flight.entry {
            let scheduler = spawn.unverified().scheduler;
            let known = lock(&self.relays).contains_key(&scheduler)
                || self.peers.directory().record(&scheduler).is_some();
            if !known {
                let detail = format!("the scheduler {scheduler} is not known here");
                return Way::Nowhere(Refusal::new(RefusalCode::Unreachable, detail));
            }
            self.locations.learn_spawn(ProcessId::of_spawn(flight.id), spawn);
            return Way::To(scheduler);
        }
        let target = flight.entry.target();
        if lock(&self.parked).contains_key(&target) {
            return Way::Search;
        }
        self.locations.cached(&target).map_or(Way::Search, |known| Way::To(known.scheduler))
    }

    /// Keeps an entry until its process is found.
    fn park(self: &Arc<Self>, flight: Box<ClientFlight>) {
        let target = flight.entry.target();
        let mut parked = lock(&self.parked);
        if let Some(waiting) = parked.get_mut(&target) {
            return waiting.push(flight);
        }
        parked.insert(target, vec![flight]);
        self.spawn(Arc::clone(self).search(target));
    }

    /// Finds a process and sends on what waited for it.
    async fn search(self: Arc<Self>, target: ProcessId) {
        let found = self.locations.find(target).await;
        loop {
            let flights = {
                let mut parked = lock(&self.parked);
                let waiting = parked.get_mut(&target).map(std::mem::take).unwrap_or_default();
                // Only when nobody waits may later entries take the direct way.
                if waiting.is_empty() {
                    parked.remove(&target);
                    return;
                }
                waiting
            };
            match &found {
                Ok(known) => {
                    let flights = flights.into_iter().map(Flight::Client).collect();
                    let _ = self.relay(known.scheduler).send(flights).await;
                }
                Err(code) => {
                    for flight in flights {
                        self.refuse(&flight, not_found(&target, *code));
                    }
                }
            }
        }
    }
}

fn not_found(process: &ProcessId, code: RefusalCode) -> Refusal {
    let detail = match code {
        RefusalCode::UnknownProcess => {
            format!("no scheduler knows {process}: check the identifier and the network")
        }
        _ => format!("no scheduler that may know {process} can be reached: try again"),
    };
    Refusal::new(code, detail)
}
