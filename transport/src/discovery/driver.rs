//! Runs the libp2p node: tells others of this unit, asks for others, fills the directory.
//!
//! # Invariants
//!
//! - What waits is a set with a limit, and at most [`FLYING_MAX`] of it are under way at once.
//! - Rounds of queries come fast after a change and thin out to one in [`ROUND_MAX`].

mod events;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    kad::{self, QueryId},
    swarm::{DialError, dial_opts::DialOpts},
};
use protocol::{Role, UnitId};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    behaviour::Behaviour,
    names,
    store::{self, Admission},
};
use crate::{
    Directory, RecordSigner, UnitAddress,
    directory::{dialable, wall_clock},
};

/// The time between two rounds of queries: after a change, and when all is quiet.
const ROUND_MIN: Duration = Duration::from_millis(100);
const ROUND_MAX: Duration = Duration::from_secs(30);

/// How often lost units are dialed: one that restarts without knowing anybody waits for it.
const REDIAL: Duration = Duration::from_secs(2);

/// After how long a round that has not ended no longer holds up the next.
const ROUND_PATIENCE: Duration = Duration::from_secs(60);

/// Up to so many known units, all stay connected, and every change is told to each of them and is
/// worth a round at once. Beyond, rounds have their time and Kademlia spreads records.
const SMALL: usize = 64;

/// Queries for single units under way at once, and as many that tell single units.
const FLYING_MAX: usize = 16;

/// Units heard of whose records are still to be asked for.
const WANTED_MAX: usize = 256;

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Round,
    Lookup,
    Tell,
}

pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    signer: RecordSigner,
    directory: Directory,
    admission: Admission,
    changes: watch::Receiver<u64>,
    bootstrap: Vec<UnitAddress>,
    /// The sequence of each unit's record whose addresses the node knows.
    seen: BTreeMap<UnitId, u64>,
    /// Peers that have not been given this unit's record.
    untold: BTreeSet<PeerId>,
    /// Units heard of whose records are not known, or about to expire.
    wanted: BTreeSet<UnitId>,
    flying: HashMap<QueryId, Purpose>,
    /// Bootstrap addresses at which another key answered, so that it is said once.
    mistaken: BTreeSet<PeerId>,
    renewal: Instant,
    next_redial: Instant,
    round_started: Instant,
    next_round: Instant,
    pace: Duration,
}

impl Driver {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        signer: RecordSigner,
        directory: Directory,
        bootstrap: Vec<UnitAddress>,
    ) -> Self {
        let now = Instant::now();
        Self {
            swarm,
            changes: directory.changed(),
            admission: Admission::new(directory.clone(), wall_clock),
            signer,
            directory,
            bootstrap,
            seen: BTreeMap::new(),
            untold: BTreeSet::new(),
            wanted: BTreeSet::new(),
            flying: HashMap::new(),
            mistaken: BTreeSet::new(),
            renewal: now + RecordSigner::RENEWAL,
            next_redial: now,
            round_started: now,
            next_round: now,
            pace: ROUND_MIN,
        }
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        self.catch_up();
        loop {
            self.launch();
            tokio::select! {
                () = shutdown.cancelled() => return,
                event = self.swarm.select_next_some() => self.handle(event),
                Ok(()) = self.changes.changed() => self.catch_up(),
                () = sleep_until(self.next_redial) => self.redial(),
                () = sleep_until(self.next_round) => self.round(),
            }
        }
    }

    /// Asks and tells everything anew, and looks after what passes with time.
    fn round(&mut self) {
        let now = Instant::now();
        self.next_round = now + self.pace;
        self.pace = self.pace.saturating_mul(2).min(ROUND_MAX);
        self.directory.prune(wall_clock());
        self.renew(now);
        let under_way = self.flying.values().any(|purpose| *purpose == Purpose::Round);
        if under_way && now < self.round_started + ROUND_PATIENCE {
            return;
        }
        self.round_started = now;
        self.flying.retain(|_, purpose| *purpose != Purpose::Round);
        let own = self.directory.record(&self.signer.unit());
        // In a small network everybody is told directly, so that this is only to be sure.
        let spread = self.seen.len() > SMALL || self.pace == ROUND_MAX;
        let kad = &mut self.swarm.behaviour_mut().kad;
        let mut queries: Vec<_> =
            Role::ALL.map(|role| kad.get_providers(names::role_key(role))).into();
        if let Some(own) = own.filter(|_| spread) {
            queries.extend(kad.start_providing(names::role_key(self.signer.role())).ok());
            queries.extend(kad.put_record(store::record(&own), kad::Quorum::One).ok());
        }
        self.flying.extend(queries.into_iter().map(|query| (query, Purpose::Round)));
        self.want_aging();
    }

    /// Signs this unit's record anew in good time, and when the network remembers another one.
    fn renew(&mut self, now: Instant) {
        let wall = wall_clock();
        let known = self.directory.record(&self.signer.unit());
        let record = match &known {
            Some(known) if now < self.renewal && self.signer.made(known) => return,
            Some(known) => self.signer.renew(known, wall),
            None => self.signer.sign(wall),
        };
        self.renewal = now + RecordSigner::RENEWAL;
        if let Err(error) = self.directory.insert(record, wall) {
            tracing::error!(%error, "the unit's own record does not hold");
        }
        if self.seen.len() <= SMALL {
            self.untold.extend(self.seen.keys().filter_map(names::peer_id));
        }
    }

    /// Units that have said nothing new for half of their records' time are asked for, and this
    /// unit: the network may remember a record from before the clock was set back.
    fn want_aging(&mut self) {
        let own = self.signer.unit();
        let half = u64::try_from(RecordSigner::LIFETIME.as_millis() / 2).unwrap_or(u64::MAX);
        let soon = wall_clock().saturating_add(half);
        for record in self.directory.records() {
            let record = record.unverified();
            if record.expires < soon || record.unit == own {
                self.want(record.unit);
            }
        }
    }

    /// Dials the bootstrap units, and in a small network all others, that are not connected.
    fn redial(&mut self) {
        self.next_redial = Instant::now() + REDIAL;
        for UnitAddress { unit, address } in self.bootstrap.clone() {
            if let Some(peer) = names::peer_id(&unit) {
                self.dial(peer, vec![names::multiaddr(address)]);
            }
        }
        if self.seen.len() <= SMALL {
            let peers: Vec<_> = self.seen.keys().filter_map(names::peer_id).collect();
            // Kademlia knows their addresses.
            peers.into_iter().for_each(|peer| self.dial(peer, Vec::new()));
        }
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        if peer == *self.swarm.local_peer_id() || self.swarm.is_connected(&peer) {
            return;
        }
        let how = DialOpts::peer_id(peer).addresses(addresses);
        match self.swarm.dial(how.extend_addresses_through_behaviour().build()) {
            Ok(()) | Err(DialError::DialPeerConditionFalse(_) | DialError::NoAddresses) => {}
            Err(error) => tracing::debug!(%peer, %error, "cannot dial"),
        }
    }

    /// Starts what waits, as far as the limits allow.
    fn launch(&mut self) {
        let flying = |queries: &HashMap<_, _>, wanted| {
            queries.values().filter(|purpose| **purpose == wanted).count()
        };
        let mut lookups = flying(&self.flying, Purpose::Lookup);
        let mut tells = flying(&self.flying, Purpose::Tell);
        let kad = &mut self.swarm.behaviour_mut().kad;
        while lookups < FLYING_MAX
            && let Some(unit) = self.wanted.pop_first()
        {
            self.flying.insert(kad.get_record(names::record_key(&unit)), Purpose::Lookup);
            lookups += 1;
        }
        if self.untold.is_empty() {
            return;
        }
        let Some(own) = self.directory.record(&self.signer.unit()) else {
            return;
        };
        while tells < FLYING_MAX
            && let Some(peer) = self.untold.pop_first()
        {
            let record = store::record(&own);
            let query = kad.put_record_to(record, [peer].into_iter(), kad::Quorum::One);
            self.flying.insert(query, Purpose::Tell);
            tells += 1;
        }
    }

    /// Makes the units of the directory known to the node, and this unit to them.
    fn catch_up(&mut self) {
        let own = self.signer.unit();
        let records = self.directory.records();
        let known: BTreeSet<_> = records.iter().map(|record| record.unverified().unit).collect();
        let Behaviour { kad, limits, .. } = self.swarm.behaviour_mut();
        self.seen.retain(|unit, _| {
            let stays = known.contains(unit);
            if !stays && let Some(peer) = names::peer_id(unit) {
                limits.remove_peer_id(&peer);
            }
            stays
        });
        let mut newcomers = false;
        for record in records {
            let record = record.unverified();
            let Some(peer) = names::peer_id(&record.unit).filter(|_| record.unit != own) else {
                continue;
            };
            let before = self.seen.insert(record.unit, record.sequence);
            if before == Some(record.sequence) {
                continue;
            }
            for address in record.addresses.iter().filter_map(|address| dialable(address)) {
                kad.add_address(&peer, names::multiaddr(address));
            }
            limits.bypass_peer_id(&peer);
            if before.is_none() {
                newcomers = true;
                // As many as the directory has room for.
                self.untold.insert(peer);
            }
        }
        if newcomers {
            self.hasten();
        }
    }

    /// Brings the next round forward, after something new. The more units, the more of them do so
    /// at once, and the longer each waits.
    fn hasten(&mut self) {
        if self.seen.len() <= SMALL {
            let units = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
            self.pace = ROUND_MIN.saturating_mul(units / 4).max(ROUND_MIN);
            self.next_round = self.next_round.min(Instant::now() + self.pace);
        }
    }

    /// Remembers to give a peer this unit's record: it may be new, or have forgotten.
    fn tell(&mut self, peer: PeerId) {
        if self.untold.len() < Directory::RECORDS_MAX {
            self.untold.insert(peer);
        }
    }

    fn is_bootstrap(&self, peer: &PeerId) -> bool {
        self.bootstrap.iter().any(|known| names::peer_id(&known.unit).as_ref() == Some(peer))
    }

    fn want(&mut self, unit: UnitId) {
        if self.wanted.len() < WANTED_MAX {
            self.wanted.insert(unit);
        }
    }

    /// Remembers to ask for a unit that somebody has heard of.
    fn hear_of(&mut self, peer: &PeerId) {
        if let Some(unit) = names::unit_of_peer(peer)
            && unit != self.signer.unit()
            && self.directory.record(&unit).is_none()
        {
            self.want(unit);
        }
    }
}
