//! States of the past, found by replays in this program.
//!
//! A replay is costly, so there is one of a process at a time and few in all, each within a budget
//! that ends it when whoever asked has gone. A replay holds its turn until its thread has ended, and
//! few requests wait for one, so that pages which need none are served meanwhile. What was found is
//! kept without its memory, a little of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use antiphon_client::{Client, ClientError};
use protocol::{Hash, ProcessId, Slot};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::NodeError,
    explorer::{facts::Problem, fault::Fault, travel::Past},
    replay::{Budget, Halt, Subject, visit},
};

/// Slots executed for one page. Those that take much gas are ended by the time before.
const SLOTS_MAX: u64 = 100_000;

/// How long one replay may take.
const REPLAY_TIME: Duration = Duration::from_secs(8);

/// How long a request waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(4);

/// Replays at once.
const REPLAYS_MAX: usize = 2;

/// Requests that replay, or wait for it.
const REQUESTS_MAX: usize = 8;

/// Lanes in which replays follow one another. Those of one process have the same.
const LANES: usize = 16;

/// Compiled modules kept.
const SUBJECTS_MAX: usize = 4;

/// States kept.
const STATES_MAX: usize = 64;

/// A slot of a log: a takeover can put another in its place, with another chain hash.
type Key = (ProcessId, Slot, Hash);

/// Finds states of the past.
#[derive(Debug, Clone)]
pub(super) struct Travels {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shutdown: CancellationToken,
    requests: Semaphore,
    replays: Arc<Semaphore>,
    lanes: [Arc<Semaphore>; LANES],
    known: Mutex<Known>,
}

/// Newest last.
#[derive(Debug, Default)]
struct Known {
    subjects: VecDeque<Arc<Subject>>,
    states: VecDeque<(Key, Arc<Past>)>,
}

impl Travels {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        let inner = Inner {
            shutdown,
            requests: Semaphore::new(REQUESTS_MAX),
            replays: Arc::new(Semaphore::new(REPLAYS_MAX)),
            lanes: std::array::from_fn(|_| Arc::new(Semaphore::new(1))),
            known: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The state of a process after the slot that has this chain hash.
    pub(super) async fn state(
        &self,
        client: &Client,
        process: ProcessId,
        (slot, chain): (Slot, Hash),
    ) -> Result<Arc<Past>, Problem> {
        let key = (process, slot, chain);
        if let Some(state) = self.known(|known| known.state(&key)) {
            return Ok(state);
        }
        let _request = self.inner.requests.try_acquire().map_err(|_| busy())?;
        let turn = timeout(TURN_TIME, self.turn(&process)).await.map_err(|_| busy())?;
        // Whoever was before may have wanted the same.
        if let Some(state) = self.known(|known| known.state(&key)) {
            return Ok(state);
        }
        let stop = self.inner.shutdown.child_token();
        let _stops_with_the_request = stop.clone().drop_guard();
        let budget = Budget { slots: SLOTS_MAX, until: Instant::now() + REPLAY_TIME, stop };
        let (mine, client) = (self.clone(), client.clone());
        let replay = tokio::spawn(async move {
            let found = Box::pin(mine.find(&client, key, budget)).await;
            drop(turn);
            found
        });
        replay.await.map_err(|error| Problem::from(ClientError::System(error.to_string())))?
    }

    async fn turn(&self, process: &ProcessId) -> [Option<OwnedSemaphorePermit>; 2] {
        let lane = process.as_bytes().first().map_or(0, |byte| usize::from(*byte) % LANES);
        let mut turn = [None, None];
        for (turn, gate) in
            turn.iter_mut().zip([self.inner.lanes.get(lane), Some(&self.inner.replays)])
        {
            if let Some(gate) = gate {
                *turn = Arc::clone(gate).acquire_owned().await.ok();
            }
        }
        turn
    }

    async fn find(&self, client: &Client, key: Key, budget: Budget) -> Result<Arc<Past>, Problem> {
        let (process, slot, chain) = key;
        let subject = self.subject(client, process).await.map_err(failed)?;
        let found = visit(&subject, slot, budget).await.map_err(halted)?;
        if found.record.assignment.chain != chain {
            let detail = "The log has another entry in this slot now.";
            return Err(Problem::new(Fault::Overloaded, detail, "Load the page again."));
        }
        // What a state says may be long.
        let past = tokio::task::spawn_blocking(move || Arc::new(Past::of(&found))).await;
        let past = past.map_err(|error| Problem::from(ClientError::System(error.to_string())))?;
        self.known(|known| keep(&mut known.states, (key, Arc::clone(&past)), STATES_MAX));
        Ok(past)
    }

    /// The process with its module compiled, as it is described now.
    async fn subject(
        &self,
        client: &Client,
        process: ProcessId,
    ) -> Result<Arc<Subject>, NodeError> {
        let described = client.describe(process).await?;
        let known = self.known(|known| {
            known.subjects.retain(|subject| {
                subject.process != process || Arc::ptr_eq(&subject.described, &described)
            });
            known.subjects.iter().find(|subject| subject.process == process).cloned()
        });
        if let Some(subject) = known {
            return Ok(subject);
        }
        let subject = Subject::open(client, process).await?;
        self.known(|known| keep(&mut known.subjects, Arc::clone(&subject), SUBJECTS_MAX));
        Ok(subject)
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        // Entries are put and taken whole.
        look(&mut self.inner.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    /// A state, which is kept longer for having been asked for.
    fn state(&mut self, key: &Key) -> Option<Arc<Past>> {
        let at = self.states.iter().position(|(known, _)| known == key)?;
        let found = self.states.remove(at)?;
        let state = Arc::clone(&found.1);
        self.states.push_back(found);
        Some(state)
    }
}

fn keep<T>(all: &mut VecDeque<T>, one: T, most: usize) {
    while all.len() >= most {
        all.pop_front();
    }
    all.push_back(one);
}

fn busy() -> Problem {
    let detail = "Other states of the past are being computed.";
    Problem::new(Fault::Overloaded, detail, "Try again in a moment.")
}

fn halted(halt: Halt) -> Problem {
    let hint = "The command below has no such limits: it executes the slots on your machine.";
    let detail = match halt {
        Halt::Failed(error) => return failed(error),
        Halt::Stopped => return busy(),
        Halt::Far(slots) => format!(
            "{slots} slots lie between the nearest checkpoint and this state; the gateway executes \
             {SLOTS_MAX} for a page at the most."
        ),
        Halt::Late => format!(
            "The slots up to this state take more than {} seconds to execute.",
            REPLAY_TIME.as_secs()
        ),
    };
    Problem::new(Fault::TooCostly, detail, hint)
}

fn failed(error: NodeError) -> Problem {
    let (status, hint) = match error {
        NodeError::Client(error) => return error.into(),
        NodeError::Usage(_) => (404, "Check the address."),
        NodeError::Verification(_) => {
            (502, "The log breaks a rule: tell the operator of its scheduler.")
        }
        _ => (500, "Try again; if it stays, restart the gateway."),
    };
    let (number, code, detail) = (error.number(), error.code().to_owned(), error.to_string());
    Problem { status, number, code, detail, hint }
}

#[cfg(test)]
mod tests;
