//! Who processes are: which scheduler orders them and whose receipts count. A location proves itself,
//! so any scheduler may be asked; of several answers the one with the most changes counts.
//!
//! # Invariants
//!
//! - Whatever is remembered of a process follows from a spawn whose digest is its id, and from
//!   changes that prove themselves. It is only ever replaced by what has more changes.
//! - Memory is bounded: what was not needed for long is forgotten, and found again on disk.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    ComputePolicy, ControlAction, Epoch, NetworkId, ProcessId, Provenance, RefusalCode, Role,
    Signed, Slot, Source, Spawn, UnitId, api::Request,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use transport::{Peers, RequestError};

use crate::{lock, store::Store};

/// Who a process is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Who orders and executes it, and did before.
    pub(crate) source: Source,
    /// Shows all this to others.
    pub(crate) provenance: Provenance,
}

impl Known {
    /// Reads a provenance that is that of the process.
    fn read(network: NetworkId, process: &ProcessId, provenance: Provenance) -> Option<Self> {
        let source = provenance.source(process, network).ok()?;
        Some(Self { source, provenance })
    }

    /// Who orders its log now.
    pub(crate) fn scheduler(&self) -> UnitId {
        self.source.scheduler()
    }

    /// Whose receipts count.
    pub(crate) fn policy(&self) -> &ComputePolicy {
        self.source.policy()
    }

    /// How many receipts make an outcome believed.
    pub(crate) fn quorum(&self) -> usize {
        self.policy().quorum.into()
    }

    /// Whether a unit that publishes a slot of an epoch seems to know more than this: the epoch is a
    /// later one, or the policy does not name the unit.
    pub(crate) fn is_behind(&self, unit: &UnitId, epoch: Option<Epoch>) -> bool {
        epoch.is_some_and(|epoch| epoch > self.source.epoch()) || !self.source.names(unit, false)
    }

    /// The first slot that takeovers after an older state of knowledge have made void.
    pub(crate) fn void_since(&self, older: &Self) -> Option<Slot> {
        let fresh = self.provenance.changes.iter().skip(older.source.changes());
        let first = |action: &ControlAction| match action {
            ControlAction::Takeover { slot, .. } => slot.next(),
            _ => None,
        };
        fresh.filter_map(|change| first(&change.control.unverified().action)).min()
    }
}

/// What looking again has brought.
#[derive(Debug)]
pub(crate) struct Found {
    /// Who the process is, as far as is known now.
    pub(crate) known: Arc<Known>,
    /// The first slot that is void, as was not known before.
    pub(crate) void: Option<Slot>,
}

/// Processes in each of the two generations of the cache.
const GENERATION_MAX: usize = 65_536;

/// Processes that may wait to be written.
const UNWRITTEN_MAX: usize = 65_536;

/// Searches under way at once.
const SEARCHES_MAX: usize = 128;

/// How long a scheduler may take to say whether it knows a process.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// How long others may take when one scheduler has said who a process is.
const SETTLE_TIME: Duration = Duration::from_millis(250);

/// Processes looked for again at once, before those that nobody waits for are forgotten.
const TURNS_MAX: usize = 1_024;

#[derive(Debug, Default)]
struct Cache {
    /// What was needed lately, and what was needed before that.
    young: HashMap<ProcessId, Arc<Known>>,
    old: HashMap<ProcessId, Arc<Known>>,
    unwritten: Vec<(ProcessId, Arc<Known>)>,
}

/// When the last search for a process that was known already began; whoever holds the lock is looking.
type Turn = Arc<tokio::sync::Mutex<Option<Instant>>>;

impl Cache {
    fn get(&mut self, process: &ProcessId) -> Option<Arc<Known>> {
        if let Some(known) = self.young.get(process) {
            return Some(Arc::clone(known));
        }
        let known = self.old.remove(process)?;
        self.put(*process, Arc::clone(&known));
        Some(known)
    }

    fn put(&mut self, process: ProcessId, known: Arc<Known>) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(process, known);
    }
}

/// Finds processes.
#[derive(Debug)]
pub(crate) struct Locations {
    cache: Mutex<Cache>,
    turns: Mutex<HashMap<ProcessId, Turn>>,
    searches: Semaphore,
    /// Counts how often more became known of a process.
    changed: watch::Sender<u64>,
    store: Arc<Store>,
    peers: Peers,
    network: NetworkId,
}

impl Locations {
    /// Knows what the store knows, and asks the schedulers of a directory for the rest.
    pub(crate) fn new(network: NetworkId, store: Arc<Store>, peers: Peers) -> Self {
        Self {
            cache: Mutex::default(),
            turns: Mutex::default(),
            searches: Semaphore::new(SEARCHES_MAX),
            changed: watch::Sender::new(0),
            store,
            peers,
            network,
        }
    }

    /// Who a process is, if that is in memory.
    pub(crate) fn cached(&self, process: &ProcessId) -> Option<Arc<Known>> {
        lock(&self.cache).get(process)
    }

    /// Tells whenever more becomes known of a process.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Learns of a process from its spawn, be it accepted or not.
    pub(crate) fn learn_spawn(&self, process: ProcessId, spawn: &Signed<Spawn>) {
        let body = spawn.unverified();
        if body.policy.check().is_err() || lock(&self.cache).get(&process).is_some() {
            return;
        }
        let provenance = Provenance { spawn: spawn.body_bytes().to_vec(), changes: Vec::new() };
        let known = Known { source: Source::of_spawn(body), provenance };
        lock(&self.cache).put(process, Arc::new(known));
    }

    /// Learns of a process from the bytes of its spawn, be it born already or not.
    pub(crate) fn learn_birth(&self, process: ProcessId, spawn: &[u8]) {
        if self.remembered(&process).is_none() {
            let provenance = Provenance { spawn: spawn.to_vec(), changes: Vec::new() };
            if let Some(known) = Known::read(self.network, &process, provenance) {
                lock(&self.cache).put(process, Arc::new(known));
            }
        }
    }

    /// Finds out who a process is.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::UnknownProcess`] if no scheduler knows it, [`RefusalCode::Unreachable`] if
    /// one that could not be asked may.
    pub(crate) async fn find(&self, process: ProcessId) -> Result<Arc<Known>, RefusalCode> {
        if let Some(known) = self.remembered(&process) {
            return Ok(known);
        }
        // Never closed, so this only waits.
        let _turn = self.searches.acquire().await;
        let known = self.search(process).await?;
        Ok(self.learn(process, known).known)
    }

    /// Asks all schedulers who a process is, although somebody is known already: what was known is
    /// in doubt. A search that began after the doubt arose serves everybody who waited for it.
    ///
    /// # Errors
    ///
    /// As for [`Self::find`], if nothing was known.
    pub(crate) async fn find_again(&self, process: ProcessId) -> Result<Found, RefusalCode> {
        let doubted = Instant::now();
        let turn = {
            let mut turns = lock(&self.turns);
            if turns.len() >= TURNS_MAX {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(process).or_default())
        };
        let mut looked = turn.lock().await;
        let known = self.remembered(&process);
        if looked.is_some_and(|began| began >= doubted)
            && let Some(known) = known
        {
            return Ok(Found { known, void: None });
        }
        let _turn = self.searches.acquire().await;
        *looked = Some(Instant::now());
        let found = self.search(process).await;
        match (found, known) {
            (Ok(found), _) => Ok(self.learn(process, found)),
            (Err(_), Some(known)) => Ok(Found { known, void: None }),
            (Err(code), None) => Err(code),
        }
    }

    /// Who a process is, if that is in memory or on disk.
    fn remembered(&self, process: &ProcessId) -> Option<Arc<Known>> {
        if let Some(known) = self.cached(process) {
            return Some(known);
        }
        let provenance = self.store.acquaintance(process)?;
        let known = Arc::new(Known::read(self.network, process, provenance)?);
        lock(&self.cache).put(*process, Arc::clone(&known));
        Some(known)
    }

    /// Remembers who a process is, unless more is known already.
    fn learn(&self, process: ProcessId, found: Known) -> Found {
        let mut cache = lock(&self.cache);
        let older = cache.get(&process);
        if let Some(known) = &older
            && known.source.changes() >= found.source.changes()
        {
            return Found { known: Arc::clone(known), void: None };
        }
        let void = older.as_ref().and_then(|older| found.void_since(older));
        if older.is_some() {
            self.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
        let known = Arc::new(found);
        cache.put(process, Arc::clone(&known));
        if cache.unwritten.len() < UNWRITTEN_MAX {
            cache.unwritten.push((process, Arc::clone(&known)));
        }
        Found { known, void }
    }

    /// What is not on disk yet.
    pub(crate) fn take_unwritten(&self) -> Vec<(ProcessId, Provenance)> {
        let unwritten = std::mem::take(&mut lock(&self.cache).unwritten);
        unwritten.into_iter().map(|(process, known)| (process, known.provenance.clone())).collect()
    }

    /// Asks all schedulers at once; of those that prove the process the one with the most changes
    /// wins.
    async fn search(&self, process: ProcessId) -> Result<Known, RefusalCode> {
        let mut asked = JoinSet::new();
        for scheduler in self.peers.directory().units(Role::Scheduler) {
            let peers = self.peers.clone();
            asked.spawn(async move {
                let request = Request::Describe(process);
                peers.ask_within::<Provenance>(scheduler, &request, SEARCH_TIME).await
            });
        }
        let mut failure =
            if asked.is_empty() { RefusalCode::Unreachable } else { RefusalCode::UnknownProcess };
        let mut best: Option<Known> = None;
        let mut deadline = Instant::now() + SEARCH_TIME;
        while let Ok(Some(answer)) = tokio::time::timeout_at(deadline, asked.join_next()).await {
            match answer {
                Ok(Ok(provenance)) => {
                    let more = |best: &Known| provenance.changes.len() > best.source.changes();
                    if !best.as_ref().is_none_or(more) {
                        continue;
                    }
                    match Known::read(self.network, &process, provenance) {
                        Some(known) => {
                            deadline = deadline.min(Instant::now() + SETTLE_TIME);
                            best = Some(known);
                        }
                        None => tracing::warn!(%process, "a scheduler described another process"),
                    }
                }
                Ok(Err(RequestError::Refused(refusal)))
                    if refusal.code == RefusalCode::UnknownProcess => {}
                Ok(Err(error)) => {
                    tracing::debug!(%process, %error, "a scheduler did not describe a process");
                    failure = RefusalCode::Unreachable;
                }
                Err(error) => tracing::error!(%error, "a search failed"),
            }
        }
        // Who is still being asked may know it.
        if !asked.is_empty() {
            failure = RefusalCode::Unreachable;
        }
        best.ok_or(failure)
    }
}
