//! Following one process: every outcome from a slot on, without gaps.
//!
//! # Invariants
//!
//! - Outcomes are handed out in order of their slots, each once. Only where a takeover made slots
//!   void does the order step back, to the first slot behind what the takeover kept.
//! - A lost messenger costs time, never an outcome: the next one is asked for what was not handed out.

use std::{cmp::Ordering, collections::VecDeque, time::Duration};

use protocol::{
    AskAnswer, ControlAction, Hash, ItemBody, ProcessId, Provenance, Receipt, ReceiptLeaf, Reply,
    Role, Slot, UnitId,
    api::{Executed, OUTCOME_FRAME_MAX, Opening, SubmitEvent},
    codec,
};
use tokio::time::{Instant, sleep_until, timeout};
use transport::{FrameReceiver, FrameSender};

use crate::{
    Client, ClientError, Observed, SendResult, client::CONNECT_TIMEOUT, shell, watch::check,
};

/// The pause before another messenger is asked when one broke off: at first, and at the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The answer to a call that came behind the call's own slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateAnswer {
    /// The slot whose outcome has it.
    pub slot: Slot,
    /// The answer.
    pub answer: AskAnswer,
    /// The word of one unit of the process's policy for that outcome.
    pub receipt: Receipt,
}

/// The outcomes of one process. Dropping it ends the following.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    process: ProcessId,
    next: Slot,
    /// The leaf of the slot handed out last.
    last: Option<Hash>,
    /// How many changes of the process are accounted for: what earlier ones made void was not
    /// handed out.
    changes: usize,
    stream: Option<Stream>,
    turn: u64,
    resume_at: Instant,
    pause: Duration,
}

/// How far somebody has followed a process: where another subscription goes on as the first would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    next: Slot,
    last: Option<Hash>,
    changes: usize,
}

/// A stream of a messenger.
#[derive(Debug)]
struct Stream {
    messenger: UnitId,
    /// Kept open, for the messenger stops when it is dropped.
    _sender: FrameSender,
    receiver: FrameReceiver,
    /// What came and is not checked yet.
    waiting: VecDeque<Executed>,
}

/// What a slot is to whoever follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The one to be handed out.
    Next,
    /// What was handed out before it is void from a slot on.
    Void(Slot),
    /// Of another place.
    Astray,
}

impl Client {
    /// Follows a process from a slot on, through whichever messenger can be reached.
    ///
    /// # Errors
    ///
    /// As for [`Self::describe`].
    pub async fn subscribe(
        &self,
        process: ProcessId,
        from: Slot,
    ) -> Result<Subscription, ClientError> {
        let changes = self.describe(process).await?.provenance.changes.len();
        self.subscribe_at(process, Mark::beginning(from, changes))
    }

    /// Follows a process from where another subscription to it was.
    ///
    /// # Errors
    ///
    /// [`ClientError::System`] if the system has no randomness.
    pub fn subscribe_at(
        &self,
        process: ProcessId,
        Mark { next, last, changes }: Mark,
    ) -> Result<Subscription, ClientError> {
        Ok(Subscription {
            client: self.clone(),
            process,
            next,
            last,
            changes,
            stream: None,
            turn: shell::number()?,
            resume_at: Instant::now(),
            pause: PAUSE,
        })
    }

    /// Waits for the answer to a message that was executed, where its own slot brought none; any other
    /// is given back as it is.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoAnswerYet`] if the time is up; the answer may still come.
    pub async fn final_reply(
        &self,
        sent: SendResult,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        if sent.outcome.reply != Reply::Later || sent.late.is_some() {
            return Ok(sent);
        }
        let (process, call) = (sent.outcome.process, sent.slot());
        let own = Observed { outcome: sent.outcome.clone(), receipt: sent.receipt.clone() };
        let late = async {
            if let Some(late) = LateAnswer::of(call, own) {
                return Ok(late);
            }
            let behind = call.next().unwrap_or(call);
            let mut subscription = self.subscribe(process, behind).await?;
            loop {
                if let Some(late) = LateAnswer::of(call, subscription.next().await) {
                    return Ok(late);
                }
            }
        };
        let message = sent.message;
        let late = timeout(limit, late).await;
        let late = late.unwrap_or(Err(ClientError::NoAnswerYet { message, reason: None }))?;
        self.remember_executed(process, late.slot);
        Ok(SendResult { late: Some(Box::new(late)), ..sent })
    }
}

impl LateAnswer {
    /// The answer to a call, if it is in this outcome of the call's process.
    fn of(call: Slot, observed: Observed) -> Option<Self> {
        let Observed { outcome, receipt } = observed;
        let slot = outcome.slot;
        let is_it = |body| match body {
            ItemBody::Answered { call: answered, answer } => (answered == call).then_some(answer),
            _ => None,
        };
        let mut bodies = outcome.outbox.into_iter().map(|item| item.body);
        bodies.find_map(is_it).map(|answer| Self { slot, answer, receipt })
    }
}

impl Mark {
    /// Where somebody is who has nothing yet, begins at a slot and has accounted for so many changes
    /// of the process.
    pub const fn beginning(from: Slot, changes: usize) -> Self {
        Self { next: from, last: None, changes }
    }

    /// The next slot to be handed out.
    pub const fn next_slot(&self) -> Slot {
        self.next
    }

    /// Whether whoever is here goes on as somebody at another mark of the same process does: what was
    /// handed out last is the same, if anything was.
    pub fn continues(&self, other: &Self) -> bool {
        self.next == other.next && (self.last.is_none() || self.last == other.last)
    }
}

impl Subscription {
    /// How far it has come.
    pub const fn mark(&self) -> Mark {
        Mark { next: self.next, last: self.last, changes: self.changes }
    }

    /// The next slot to be handed out.
    pub const fn next_slot(&self) -> Slot {
        self.next
    }

    /// The next outcome, when it comes. Safe to cancel.
    pub async fn next(&mut self) -> Observed {
        loop {
            let error = match self.step().await {
                Ok(Some(observed)) => return observed,
                Ok(None) => continue,
                Err(error) => error,
            };
            let process = self.process;
            match self.stream.take().map(|stream| stream.messenger) {
                Some(messenger) if matches!(error, ClientError::Unverified { .. }) => {
                    tracing::warn!(%process, %messenger, %error, "a messenger is not believed");
                }
                _ => tracing::debug!(%process, %error, "following broke off"),
            }
            self.turn = self.turn.wrapping_add(1);
            self.resume_at = Instant::now() + self.pause;
            self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }

    /// Comes one step further; nothing is lost if that is given up.
    async fn step(&mut self) -> Result<Option<Observed>, ClientError> {
        let Some(stream) = &mut self.stream else {
            sleep_until(self.resume_at).await;
            self.stream = Some(self.open().await?);
            return Ok(None);
        };
        let Some(executed) = stream.waiting.front() else {
            let frame = stream.receiver.recv().await.map_err(ClientError::unreachable)?;
            let frame = frame.ok_or_else(|| ClientError::unreachable("the stream ended"))?;
            stream.waiting = read(&frame)?;
            return Ok(None);
        };
        if executed.outcome.process != self.process {
            return Err(ClientError::unverified("the outcome is of another process"));
        }
        check(&self.client, executed).await?;
        let leaf = executed.receipt.leaf.clone();
        match self.fit(&leaf).await {
            Fit::Next => {}
            Fit::Void(first) if first == leaf.slot => self.next = first,
            Fit::Void(first) => {
                (self.next, self.last, self.stream) = (first, None, None);
                return Ok(None);
            }
            Fit::Astray => return Err(ClientError::unverified("the outcomes have a gap")),
        }
        self.next = leaf.slot.next().unwrap_or(leaf.slot);
        self.last = Some(leaf.digest());
        self.pause = PAUSE;
        let taken = self.stream.as_mut().and_then(|stream| stream.waiting.pop_front());
        Ok(taken.map(|Executed { outcome, receipt }| Observed { outcome, receipt }))
    }

    /// What a slot is to whoever has come so far.
    async fn fit(&mut self, leaf: &ReceiptLeaf) -> Fit {
        let continues = match (leaf.previous, self.last) {
            (Some(previous), Some(last)) => previous == last,
            _ => true,
        };
        match leaf.slot.cmp(&self.next) {
            Ordering::Equal if continues => return Fit::Next,
            Ordering::Greater => return Fit::Astray,
            Ordering::Equal | Ordering::Less => {}
        }
        let Ok(described) = self.client.describe_again(self.process).await else {
            return Fit::Astray;
        };
        let kept = self.changes;
        self.changes = described.provenance.changes.len();
        let void = void(&described.provenance, kept).filter(|first| *first < self.next);
        match void {
            Some(first) => Fit::Void(first),
            // Some units disagree; whose word is right is for those to find out who compare them.
            None if leaf.slot == self.next => Fit::Next,
            None if begins_again(&described.provenance, leaf.slot) => Fit::Void(leaf.slot),
            None => Fit::Astray,
        }
    }

    async fn open(&self) -> Result<Stream, ClientError> {
        let directory = self.client.directory();
        let mut changed = directory.changed();
        let messenger = loop {
            changed.borrow_and_update();
            let messengers = directory.units(Role::Messenger);
            let count = u64::try_from(messengers.len()).unwrap_or(u64::MAX);
            let index = self.turn.checked_rem(count).and_then(|index| usize::try_from(index).ok());
            match index.and_then(|index| messengers.get(index)) {
                Some(messenger) => break *messenger,
                None if changed.changed().await.is_err() => return Err(ClientError::Closed),
                None => {}
            }
        };
        let peer = self.client.inner.peers.peer(messenger);
        let connection = peer.connection_within(CONNECT_TIMEOUT).await;
        let connection = connection.map_err(ClientError::unreachable)?;
        let opening = Opening::Subscribe { process: self.process, from: self.next };
        let opened = connection.open_stream(&codec::encode(&opening)).await;
        let (sender, mut receiver) = opened.map_err(ClientError::unreachable)?;
        receiver.set_limit(OUTCOME_FRAME_MAX);
        Ok(Stream { messenger, _sender: sender, receiver, waiting: VecDeque::new() })
    }
}

/// The outcomes in a frame.
fn read(frame: &[u8]) -> Result<VecDeque<Executed>, ClientError> {
    match codec::decode(frame).map_err(ClientError::unverified)? {
        SubmitEvent::Executed { batch, entries } => {
            let entries = entries.into_iter().map(|entry| {
                let receipt = Receipt { leaf: entry.leaf, path: entry.path, batch: batch.clone() };
                Executed { outcome: entry.outcome, receipt }
            });
            Ok(entries.collect())
        }
        SubmitEvent::Refused { refusal, .. } => Err(refusal.into()),
        SubmitEvent::Assigned { .. }
        | SubmitEvent::Final { .. }
        | SubmitEvent::Delivered { .. } => {
            Err(ClientError::unverified("an event that is not an outcome"))
        }
    }
}

/// The first slots behind what takeovers kept.
fn beginnings(provenance: &Provenance) -> impl Iterator<Item = Option<Slot>> {
    provenance.changes.iter().map(|change| match &change.control.unverified().action {
        ControlAction::Takeover { slot, .. } => slot.next(),
        _ => None,
    })
}

/// The first slot that changes behind the first so many have made void.
fn void(provenance: &Provenance, known: usize) -> Option<Slot> {
    beginnings(provenance).skip(known).flatten().min()
}

/// Whether a takeover begins with a slot.
fn begins_again(provenance: &Provenance, slot: Slot) -> bool {
    beginnings(provenance).flatten().any(|first| first == slot)
}

#[cfg(test)]
mod tests;
