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
    hub::Hub,
    lock, relay::{self, ClientFlight, Flight},
    session::{Event, Session, Share},
};

/// Groups of entries that may wait for one relay.
const RELAY_QUEUE: usize = 256;

/// Entries that wait for their process to be found.
pub(crate) type Parked = HashMap<ProcessId, Vec<ClientFlight>>;

/// Where an entry goes.
enum Way {
    To(UnitId),
    Parked,
    Refused(ClientFlight, Refusal),
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
        for Submission { tag, entry, origin } in submissions {
            let id = entry.id();
            interests.push((id, tag));
            let (session, share) = (Arc::clone(session), Arc::clone(share));
            flights.push(ClientFlight { session, tag, id, entry, origin, share });
        }
        self.board.register(session, &interests);
        let mut groups: Vec<(UnitId, Vec<Flight>)> = Vec::new();
        for flight in flights {
            match self.way(&flight) {
                Ok(scheduler) => {
                    let flight = Flight::Client(flight);
                    match groups.iter_mut().find(|(unit, _)| *unit == scheduler) {
                        Some((_, group)) => group.push(flight),
                        None => groups.push((scheduler, vec![flight])),
                    }
                }
                Err(None) => self.park(flight),
                Err(Some(refusal)) => self.refuse(&flight, refusal),
            }
        }
        for (scheduler, group) in groups {
            // A relay ends only with the messenger.
            let _ = self.relay(scheduler).send(group).await;
        }
    }
}
