//! Who processes are: which scheduler orders them and whose receipts count. A location proves itself,
//! so any scheduler may be asked.
//!
//! # Invariants
//!
//! - Whatever is remembered of a process follows from a spawn whose digest is its id.
//! - Memory is bounded: what was not needed for long is forgotten, and found again on disk.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    ComputePolicy, NetworkId, ProcessId, ProfileId, Provenance, RefusalCode, Role, Signed, Spawn,
    UnitId, api::Request,
};
use tokio::{sync::Semaphore, task::JoinSet};
use transport::{Peers, RequestError};

use crate::{lock, store::Store};

/// Who a process is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Who orders its log.
    pub(crate) scheduler: UnitId,
    /// Whose receipts count.
    pub(crate) policy: ComputePolicy,
    /// The semantics of its execution.
    pub(crate) profile: ProfileId,
    /// Shows all this to others.
    pub(crate) provenance: Provenance,
}

impl Known {
    /// How many receipts make an outcome believed.
    pub(crate) fn quorum(&self) -> usize {
        self.policy.quorum.into()
    }
}

/// Processes in each of the two generations of the cache.
const GENERATION_MAX: usize = 65_536;

/// Processes that may wait to be written.
const UNWRITTEN_MAX: usize = 65_536;

/// Searches under way at once.
const SEARCHES_MAX: usize = 128;

/// How long a scheduler may take to say whether it knows a process.
const SEARCH_TIME: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct Cache {
    /// What was needed lately, and what was needed before that.
    young: HashMap<ProcessId, Arc<Known>>,
    old: HashMap<ProcessId, Arc<Known>>,
    unwritten: Vec<(ProcessId, Arc<Known>)>,
}

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
    searches: Semaphore,
    store: Arc<Store>,
    peers: Peers,
    network: NetworkId,
}

impl Locations {
    /// Knows what the store knows, and asks the schedulers of a directory for the rest.
    pub(crate) fn new(network: NetworkId, store: Arc<Store>, peers: Peers) -> Self {
        Self {
            cache: Mutex::default(),
            searches: Semaphore::new(SEARCHES_MAX),
            store,
            peers,
            network,
        }
    }

    /// Who a process is, if that is in memory.
    pub(crate) fn cached(&self, process: &ProcessId) -> Option<Arc<Known>> {
        lock(&self.cache).get(process)
    }

    /// Learns of a process from its spawn, be it accepted or not.
    pub(crate) fn learn_spawn(&self, process: ProcessId, spawn: &Signed<Spawn>) {
        let body = spawn.unverified();
        if body.policy.check().is_err() || lock(&self.cache).get(&process).is_some() {
            return;
        }
        let provenance = Provenance { spawn: spawn.body_bytes().to_vec(), changes: Vec::new() };
        let known = Known {
            scheduler: body.scheduler,
            policy: body.policy.clone(),
            profile: body.profile,
            provenance,
        };
        lock(&self.cache).put(process, Arc::new(known));
    }

    /// Finds out who a process is.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::UnknownProcess`] if no scheduler knows it, [`RefusalCode::Unreachable`] if
    /// one that could not be asked may.
    pub(crate) async fn find(&self, process: ProcessId) -> Result<Arc<Known>, RefusalCode> {
        if let Some(known) = self.cached(&process) {
            return Ok(known);
        }
        if let Some(known) = self
            .store
            .acquaintance(&process)
            .and_then(|provenance| read(self.network, &process, provenance))
        {
            let known = Arc::new(known);
            lock(&self.cache).put(process, Arc::clone(&known));
            return Ok(known);
        }
        // Never closed, so this only waits.
        let _turn = self.searches.acquire().await;
        let known = Arc::new(self.search(process).await?);
        let mut cache = lock(&self.cache);
        cache.put(process, Arc::clone(&known));
        if cache.unwritten.len() < UNWRITTEN_MAX {
            cache.unwritten.push((process, Arc::clone(&known)));
        }
        Ok(known)
    }

    /// What is not on disk yet.
    pub(crate) fn take_unwritten(&self) -> Vec<(ProcessId, Provenance)> {
        let unwritten = std::mem::take(&mut lock(&self.cache).unwritten);
        unwritten.into_iter().map(|(process, known)| (process, known.provenance.clone())).collect()
    }

    /// Asks all schedulers at once; the first that proves the process wins.
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
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(provenance)) => match read(self.network, &process, provenance) {
                    Some(known) => return Ok(known),
                    None => tracing::warn!(%process, "a scheduler described another process"),
                },
                Ok(Err(RequestError::Refused(refusal)))
                    if refusal.code == RefusalCode::UnknownProcess => {}
                Ok(Err(error)) => {
                    tracing::debug!(%process, %error, "a scheduler did not describe a process");
                    failure = RefusalCode::Unreachable;
                }
                Err(error) => tracing::error!(%error, "a search failed"),
            }
        }
        Err(failure)
    }
}

/// Reads a provenance that is that of the process.
fn read(network: NetworkId, process: &ProcessId, provenance: Provenance) -> Option<Known> {
    let source = provenance.source(process, network).ok()?;
    let (scheduler, policy, profile) =
        (source.scheduler(), source.policy().clone(), source.profile());
    Some(Known { scheduler, policy, profile, provenance })
}
