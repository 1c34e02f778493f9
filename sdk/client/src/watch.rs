//! Watching a network live: outcomes as messengers learn of them.
//!
//! For people to look at, not for programs to count on: whoever does not keep up misses some.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use protocol::{
    Outcome, ProcessId, Receipt, Role, Slot, UnitId,
    api::{Executed, OUTCOME_FRAME_MAX, Opening, SubmitEvent},
    codec,
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinSet,
    time::sleep,
};

use crate::{Client, ClientError};

/// Outcomes that wait for a watcher; more are dropped.
const WAITING_MAX: usize = 4_096;

/// Slots remembered, so that two messengers do not show one twice.
const REMEMBERED_MAX: usize = 16_384;

/// The pause before a messenger that broke off is watched again.
const PAUSE: Duration = Duration::from_millis(500);

/// An outcome that a unit of the process's policy stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What came of the slot.
    pub outcome: Outcome,
    /// The unit's word for it.
    pub receipt: Receipt,
}

/// A stream of outcomes. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watch {
    observed: mpsc::Receiver<Observed>,
    seen: HashSet<(ProcessId, Slot)>,
    order: VecDeque<(ProcessId, Slot)>,
    _tasks: JoinSet<()>,
}

impl Watch {
    /// The next outcome of any process; none once nothing is watched any more. Safe to cancel.
    pub async fn next(&mut self) -> Option<Observed> {
        loop {
            let observed = self.observed.recv().await?;
            let place = (observed.outcome.process, observed.outcome.slot);
            if !self.seen.insert(place) {
                continue;
            }
            self.order.push_back(place);
            if self.order.len() > REMEMBERED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
            return Some(observed);
        }
    }
}

impl Client {
    /// Watches the outcomes of all processes, through every messenger known now.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoUnit`] if no messenger is known.
    pub fn watch(&self) -> Result<Watch, ClientError> {
        let role = Role::Messenger;
        let messengers = self.directory().units(role);
        if messengers.is_empty() {
            return Err(ClientError::NoUnit { role });
        }
        let (sender, observed) = mpsc::channel(WAITING_MAX);
        let mut tasks = JoinSet::new();
        for messenger in messengers {
            tasks.spawn(keep(self.clone(), messenger, sender.clone()));
        }
        Ok(Watch { observed, seen: HashSet::new(), order: VecDeque::new(), _tasks: tasks })
    }
}

async fn keep(client: Client, messenger: UnitId, observed: mpsc::Sender<Observed>) {
    loop {
        match follow(&client, messenger, &observed).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%messenger, %error, "watching broke off"),
        }
        sleep(PAUSE).await;
    }
}

/// Passes outcomes on until the stream breaks, or nobody watches any more.
async fn follow(
    client: &Client,
    messenger: UnitId,
    observed: &mpsc::Sender<Observed>,
) -> Result<(), ClientError> {
    let connection = client.inner.peers.peer(messenger).connection().await;
    let opened = connection.open_stream(&codec::encode(&Opening::Watch)).await;
    let (_sender, mut receiver) = opened.map_err(ClientError::unreachable)?;
    receiver.set_limit(OUTCOME_FRAME_MAX);
    while let Some(frame) = receiver.recv().await.map_err(ClientError::unreachable)? {
        let event = codec::decode(&frame).map_err(ClientError::unverified)?;
        let SubmitEvent::Executed { batch, entries } = event else {
            return Err(ClientError::unverified("an event that is not an outcome"));
        };
        for entry in entries {
            let receipt = Receipt { leaf: entry.leaf, path: entry.path, batch: batch.clone() };
            let executed = Executed { outcome: entry.outcome, receipt };
            if let Err(error) = check(client, &executed).await {
                tracing::debug!(%messenger, %error, "an outcome is not shown");
                continue;
            }
            let Executed { outcome, receipt } = executed;
            if let Err(TrySendError::Closed(_)) = observed.try_send(Observed { outcome, receipt }) {
                return Ok(());
            }
        }
    }
    Err(ClientError::unreachable("the stream ended"))
}

/// Checks that a unit of the process's policy states an outcome; looks again who executes the process
/// if that is in doubt.
pub(crate) async fn check(client: &Client, executed: &Executed) -> Result<(), ClientError> {
    let process = executed.outcome.process;
    let source = &client.describe(process).await?.source;
    let checked = client.inner.checker.executed(process, source, executed);
    if checked.is_ok() || source.names(&executed.receipt.unit(), false) {
        return checked;
    }
    let newest = &client.describe_again(process).await?.source;
    client.inner.checker.executed(process, newest, executed)
}
