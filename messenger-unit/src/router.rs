//! From a client's entries to the relays of the schedulers they belong to, and back with refusals.
//!
//! # Invariants
//!
//! - Entries of one client stream for one process reach its scheduler in the order in which they
//!   were submitted, also while the process is being found. When a process moves, what is on its
//!   way follows it in order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use protocol::{
    Entry, ProcessId, Refusal, RefusalCode, TRACE_TARGET, TraceId, UnitId, api::Submission,
};
use tokio::sync::mpsc;

use crate::{
    flight::{ClientFlight, Entries, Flight},
    hub::Hub,
    location::Known,
    lock, relay,
    session::{Event, Session, Share},
};

/// Groups of entries that may wait for one relay.
const RELAY_QUEUE: usize = 256;

/// How often an entry follows its process to another scheduler before it is refused.
const REROUTES_MAX: u32 = 8;

/// How often a process is looked for again whose scheduler no longer orders it.
const LOOKS_MAX: u32 = 10;

/// How long to wait before that: at first, and at the longest.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(2);

/// A scheduler that no longer takes entries for a process, and what it says.
#[derive(Debug)]
struct Doubted {
    scheduler: UnitId,
    refusal: Refusal,
}

/// Entries that wait for their process to be found.
pub(crate) type Parked = HashMap<ProcessId, Entries>;

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
        // Links are for schedulers, which refuse what comes without its proof.
        let traces = tracing::enabled!(target: TRACE_TARGET, tracing::Level::DEBUG);
        for Submission { tag, entry, origin, introduction, .. } in submissions {
            let id = entry.id();
            if traces {
                let (trace, process) = (TraceId::from(&id), entry.target());
                tracing::debug!(target: TRACE_TARGET, %trace, entry = %id, %process, "taken");
            }
            interests.push((id, tag));
            let (session, share) = (Arc::clone(session), Arc::clone(share));
            flights.push(Box::new(ClientFlight {
                session,
                tag,
                id,
                entry,
                origin,
                introduction,
                reroutes: 0,
                _share: share,
            }));
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
                Way::Search => self.park(flight.entry.target(), vec![flight], None),
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
        self.locations.cached(&target).map_or(Way::Search, |known| Way::To(known.scheduler()))
    }

    /// Lets entries for a process follow it, whose scheduler no longer takes them.
    pub(crate) fn reroute(
        self: &Arc<Self>,
        process: ProcessId,
        mut flights: Entries,
        (scheduler, refusal): (UnitId, &Refusal),
    ) {
        flights.retain_mut(|flight| {
            flight.reroutes += 1;
            let again = flight.reroutes <= REROUTES_MAX;
            if !again {
                self.refuse(flight, refusal.clone());
            }
            again
        });
        if flights.is_empty() {
            return;
        }
        self.metrics.entries_rerouted.add_many(flights.len());
        self.park(process, flights, Some(Doubted { scheduler, refusal: refusal.clone() }));
    }

    /// Keeps entries until their process is found.
    fn park(self: &Arc<Self>, target: ProcessId, flights: Entries, doubted: Option<Doubted>) {
        let mut parked = lock(&self.parked);
        if let Some(waiting) = parked.get_mut(&target) {
            return waiting.extend(flights);
        }
        parked.insert(target, flights);
        self.spawn(Arc::clone(self).search(target, doubted));
    }

    /// Finds a process and sends on what waited for it.
    async fn search(self: Arc<Self>, target: ProcessId, doubted: Option<Doubted>) {
        let found = match &doubted {
            None => {
                let found = self.locations.find(target).await;
                found.map_err(|code| not_found(&target, code))
            }
            Some(doubted) => self.follow_process(target, doubted).await,
        };
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
                    let _ = self.relay(known.scheduler()).send(flights).await;
                }
                Err(refusal) => {
                    for flight in flights {
                        self.refuse(&flight, refusal.clone());
                    }
                }
            }
        }
    }

    /// Finds out who orders a process, if not the scheduler that no longer takes its entries.
    async fn follow_process(
        &self,
        target: ProcessId,
        Doubted { scheduler, refusal }: &Doubted,
    ) -> Result<Arc<Known>, Refusal> {
        let mut pause = LOOK_PAUSE;
        for _ in 0..LOOKS_MAX {
            let known = self.find(target, true).await.map_err(|_| refusal.clone())?;
            if known.scheduler() != *scheduler {
                return Ok(known);
            }
            match refusal.code {
                // It may not know yet that the process is its own, or its own again.
                RefusalCode::UnknownProcess | RefusalCode::Moved => {
                    match self.hand_over(target, &known).await {
                        Some(true) => return Ok(known),
                        None if refusal.code == RefusalCode::UnknownProcess => break,
                        Some(false) | None => {}
                    }
                }
                // Only people can cure it, so whoever waits hears of it, and asks again.
                RefusalCode::Unreachable | RefusalCode::StaleStore => break,
                _ => {}
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LOOK_PAUSE_MAX);
        }
        Err(refusal.clone())
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
