//! Whether a process seems to be nowhere: what ends an ask of a process that never was.
//!
//! That nobody orders a log cannot be proven, so this scheduler finds out for itself, as it judges
//! deadlines by its own clock: it asks all schedulers that it knows. Whoever submits the end of an ask
//! is refused until that is done, and comes again.
//!
//! # Invariants
//!
//! - Nobody is absent whom any scheduler knows, or whom one that cannot be asked may know.
//! - Nobody is absent for one look: between the first and the last there is time to be born.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use protocol::{ProcessId, Provenance, Refusal, RefusalCode, Role, Timestamp, api::Request};
use tokio::{sync::Notify, task::JoinSet};
use transport::{Peers, RequestError};

use crate::unit::Unit;

/// How long a process must have been looked for, and for how long a look tells, in milliseconds.
const GRACE: u64 = 500;
const FRESH: u64 = 1_000;

/// How long a scheduler may take to say whether it knows a process.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// When to come again while a look is under way, in milliseconds.
const RETRY_AFTER: u64 = 100;

/// Absent processes that are remembered.
const ABSENT_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// Looks that are wanted or under way.
const LOOKS_MAX: usize = 256;

/// When a process was looked for and not found: first, and last.
#[derive(Debug, Clone, Copy)]
struct Sought {
    first: Timestamp,
    last: Timestamp,
}

#[derive(Debug)]
struct Inner {
    absent: LruCache<ProcessId, Sought>,
    wanted: BTreeSet<ProcessId>,
    looking: BTreeSet<ProcessId>,
}

/// Processes that were looked for.
#[derive(Debug)]
pub(crate) struct Absences {
    inner: Mutex<Inner>,
    wake: Notify,
}

impl Default for Absences {
    fn default() -> Self {
        let (wanted, looking) = (BTreeSet::new(), BTreeSet::new());
        let inner = Inner { absent: LruCache::sparse(ABSENT_MAX), wanted, looking };
        Self { inner: Mutex::new(inner), wake: Notify::new() }
    }
}

impl Absences {
    /// Lets pass that a process is nowhere, or has it looked for.
    pub(crate) fn check(&self, now: Timestamp, process: &ProcessId) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let since = |then: Timestamp| now.get().saturating_sub(then.get());
        let sought = inner.absent.get(process).copied();
        let fresh = sought.is_some_and(|sought| since(sought.last) <= FRESH);
        if fresh && sought.is_some_and(|sought| since(sought.first) >= GRACE) {
            return Ok(());
        }
        let looks = inner.wanted.len() + inner.looking.len();
        if !fresh && looks < LOOKS_MAX && !inner.looking.contains(process) {
            inner.wanted.insert(*process);
            self.wake.notify_one();
        }
        let detail = "the other schedulers are being asked for the target; send it again";
        let refusal = Refusal::new(RefusalCode::NotDue, detail);
        let grace =
            sought.filter(|_| fresh).map(|sought| GRACE.saturating_sub(since(sought.first)));
        Err(Refusal { retry_after: Some(grace.unwrap_or(RETRY_AFTER)), ..refusal })
    }

    fn take_wanted(&self) -> BTreeSet<ProcessId> {
        let mut inner = self.lock();
        let wanted = std::mem::take(&mut inner.wanted);
        inner.looking.extend(&wanted);
        wanted
    }

    /// Learns what a look has brought.
    fn handle_looked(&self, now: Timestamp, process: ProcessId, absent: bool) {
        let mut inner = self.lock();
        inner.looking.remove(&process);
        if absent {
            let first = inner.absent.get(&process).map_or(now, |sought| sought.first);
            inner.absent.put(process, Sought { first, last: now });
        } else {
            inner.absent.pop(&process);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for whom verification wants looked for, until the unit stops.
pub(crate) async fn run(unit: Arc<Unit>) {
    let absences = &unit.verifier.absences;
    let mut looks = JoinSet::new();
    loop {
        for process in absences.take_wanted() {
            let unit = Arc::clone(&unit);
            looks.spawn(async move {
                let absent = is_absent(&unit, process).await;
                unit.verifier.absences.handle_looked(unit.clock.now(), process, absent);
            });
        }
        tokio::select! {
            () = absences.wake.notified() => {}
            Some(_) = looks.join_next() => {}
        }
    }
}

/// Whether every other scheduler says that it does not know a process.
async fn is_absent(unit: &Unit, process: ProcessId) -> bool {
    let peers: &Peers = unit.adoptions.peers();
    let mut asked = JoinSet::new();
    for scheduler in peers.directory().units(Role::Scheduler) {
        if scheduler == unit.id {
            continue;
        }
        let peers = peers.clone();
        asked.spawn(async move {
            let request = Request::Describe(process);
            peers.ask_within::<Provenance>(scheduler, &request, LOOK_TIME).await
        });
    }
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Err(RequestError::Refused(refusal)))
                if refusal.code == RefusalCode::UnknownProcess => {}
            // Also one that cannot be asked may know it.
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
