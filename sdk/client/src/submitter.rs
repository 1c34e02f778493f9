//! One long-lived stream to a messenger that all callers share.
//!
//! Writing and reading run side by side, so that neither end ever waits for the other to read. When
//! the stream breaks, the next messenger is tried and everything under way is submitted again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use minicbor::Encode;
use protocol::{
    AssignmentProof, Entry, EntryId, ProcessId, Receipt, Refusal, RefusalCode, RefusalProof, Role,
    Source,
    api::{
        Acknowledgement, Executed, ExecutedEntry, FinalRefusal, OUTCOME_FRAME_MAX, Opening,
        SubmitEvent,
    },
    codec,
};
use tokio::{
    sync::{Notify, Semaphore, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use transport::{FrameReceiver, FrameSender, Peers};

use crate::{
    ClientError,
    check::Checker,
    flights::{Expected, Flights, Waiting, size},
    locations::Locations,
};

/// Room for entries under way, in units of [`ROOM_UNIT`] bytes.
const ROOM: usize = 64 << 10;

/// The bytes that one unit of room stands for; every entry takes at least one.
const ROOM_UNIT: usize = 1 << 10;

/// About how many bytes of entries share a frame.
const FRAME_BYTES: usize = 256 << 10;

/// How long a messenger may take to be connected before the next is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause after a stream broke, so that a messenger that breaks every stream is not hammered.
const PAUSE: Duration = Duration::from_millis(50);

/// When a refusal that can be retried does not say when.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Submits entries and tells what became of them.
#[derive(Debug)]
pub(crate) struct Submitter {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    flights: Mutex<Flights>,
    news: Notify,
    room: Arc<Semaphore>,
    checker: Arc<Checker>,
    locations: Arc<Locations>,
}

/// An entry under way. Dropping it gives the entry up: it is not submitted again, and not at all
/// if it has not been yet.
#[derive(Debug)]
pub struct Ticket {
    shared: Arc<Shared>,
    tag: u64,
    entry: EntryId,
    process: ProcessId,
    assigned: Option<oneshot::Receiver<Result<AssignmentProof, ClientError>>>,
    executed: Option<oneshot::Receiver<Result<Executed, ClientError>>>,
}

impl Ticket {
    /// The entry's id.
    pub const fn entry(&self) -> EntryId {
        self.entry
    }

    /// The process whose log the entry is for.
    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// Waits for the proof that the entry has its place in the log, durably. Once only.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`], [`ClientError::Unverified`], or [`ClientError::Closed`], also on a
    /// second call.
    pub async fn assigned(&mut self) -> Result<AssignmentProof, ClientError> {
        let promised = self.assigned.take().ok_or(ClientError::Closed)?;
        promised.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Waits for the outcome with the receipt of one unit of the process's policy. Once only.
    ///
    /// # Errors
    ///
    /// As for [`Self::assigned`].
    pub async fn executed(&mut self) -> Result<Executed, ClientError> {
        let promised = self.executed.take().ok_or(ClientError::Closed)?;
        promised.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Why the entry was put off the last time, if it was: it is submitted again.
    pub fn put_off(&self) -> Option<Refusal> {
        self.shared.flights().put_off(self.tag)
    }

    /// Whether the entry was handed to a messenger, so that it may take effect.
    pub fn was_sent(&self) -> bool {
        self.shared.flights().was_sent(self.tag)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.flights().remove(self.tag);
    }
}

impl Submitter {
    /// Starts the task that keeps the stream up. Must be called within a Tokio runtime.
    pub(crate) fn start(
        peers: Peers,
        locations: Arc<Locations>,
        checker: Arc<Checker>,
        turn: u64,
    ) -> Self {
        let shared = Arc::new(Shared {
            flights: Mutex::default(),
            news: Notify::new(),
            room: Arc::new(Semaphore::new(ROOM)),
            checker,
            locations,
        });
        let task = tokio::spawn(keep(Arc::clone(&shared), peers, turn)).abort_handle();
        Self { shared, task }
    }

    /// Takes an entry on; waits while too much is under way.
    pub(crate) async fn submit(
        &self,
        entry: Entry,
        source: Arc<Source>,
    ) -> Result<Ticket, ClientError> {
        let units = size(&entry).div_ceil(ROOM_UNIT).min(ROOM);
        let units = u32::try_from(units).expect("it is at most ROOM");
        let room = Arc::clone(&self.shared.room).acquire_many_owned(units).await;
        let room = room.map_err(|_| ClientError::Closed)?;
        let (id, process) = (entry.id(), entry.target());
        let expected = Expected { process, entry: id, source };
        let waiting = self.shared.flights().insert(Arc::new(entry), expected, Some(room))?;
        self.shared.news.notify_one();
        let Waiting { tag, assigned, executed } = waiting;
        let shared = Arc::clone(&self.shared);
        let (assigned, executed) = (Some(assigned), Some(executed));
        Ok(Ticket { shared, tag, entry: id, process, assigned, executed })
    }
}

impl Drop for Submitter {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.room.close();
        self.shared.flights().close();
    }
}

impl Shared {
    fn flights(&self) -> MutexGuard<'_, Flights> {
        // Every step under the lock leaves the table whole.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Splits an event into what is said of each entry.
    fn said(event: SubmitEvent) -> Vec<(u64, Said)> {
        match event {
            SubmitEvent::Assigned { batch, entries } => {
                let said = |ack: Acknowledgement| {
                    let (assignment, path, batch) = (ack.assignment, ack.path, batch.clone());
                    let proof = AssignmentProof { assignment, path, batch };
                    (ack.tag, Said::Assigned(Box::new(proof)))
                };
                entries.into_iter().map(said).collect()
            }
            SubmitEvent::Executed { batch, entries } => {
                let said = |entry: ExecutedEntry| {
                    let (leaf, path, batch) = (entry.leaf, entry.path, batch.clone());
                    let receipt = Receipt { leaf, path, batch };
                    let executed = Executed { outcome: entry.outcome, receipt };
                    (entry.tag, Said::Executed(Box::new(executed)))
                };
                entries.into_iter().map(said).collect()
            }
            SubmitEvent::Final { batch, entries } => {
                let said = |entry: FinalRefusal| {
                    let (refusal, path, batch) = (entry.refusal, entry.path, batch.clone());
                    let proof = RefusalProof { refusal, path, batch };
                    (entry.tag, Said::Final(Box::new(proof), entry.detail))
                };
                entries.into_iter().map(said).collect()
            }
            SubmitEvent::Refused { tag, refusal } => vec![(tag, Said::Refused(refusal))],
            // Of links, which it does not submit.
            SubmitEvent::Delivered { .. } => Vec::new(),
        }
    }

    /// Takes what is said of an entry; gives it back if only who knows more of its process may judge
    /// it, and nothing was found out since.
    fn handle(&self, tag: u64, said: Said, again: bool) -> Option<(ProcessId, Said)> {
        let expected = self.flights().expected(tag)?;
        let known = self.locations.cached(&expected.process);
        let newer = known.filter(|known| known.source.changes() > expected.source.changes());
        let source = newer.map_or(expected.source, |known| Arc::clone(&known.source));
        let subject = (expected.process, expected.entry);
        let checked = match &said {
            Said::Assigned(proof) => self.checker.assignment(subject, &source, proof),
            Said::Executed(executed) if executed.outcome.entry != expected.entry => {
                Err(ClientError::unverified("the outcome is of another entry"))
            }
            Said::Executed(executed) => self.checker.executed(expected.process, &source, executed),
            Said::Final(proof, _) => self.checker.refusal(subject, &source, proof),
            Said::Refused(_) => Ok(()),
        };
        match (checked, said) {
            (Ok(()), said) => self.take(tag, said),
            (Err(_), said) if !again => return Some((expected.process, said)),
            // It counted once: whoever executes the process now states it as well.
            (Err(_), Said::Executed(executed)) if source.names(&executed.receipt.unit(), true) => {
                let detail = "the outcome is stated by a unit that the process no longer names";
                self.postpone(tag, Refusal::new(RefusalCode::WrongPolicy, detail));
            }
            (Err(error), _) => self.flights().failed(tag, &error),
        }
        None
    }

    /// Takes what holds.
    fn take(&self, tag: u64, said: Said) {
        match said {
            Said::Assigned(proof) => self.flights().assigned(tag, *proof),
            Said::Executed(executed) => self.flights().executed(tag, *executed),
            Said::Refused(refusal) => self.handle_refused(tag, refusal),
            Said::Final(proof, detail) => {
                let refusal = Refusal::new(proof.refusal.code, detail);
                let error = ClientError::Refused { refusal, proof: Some(proof) };
                self.flights().failed(tag, &error);
            }
        }
    }

    /// What only time can cure is tried again while somebody waits.
    fn handle_refused(&self, tag: u64, refusal: Refusal) {
        let passing = matches!(
            refusal.code,
            RefusalCode::Busy
                | RefusalCode::StorageFailed
                | RefusalCode::Stopping
                | RefusalCode::Unreachable
                | RefusalCode::Moved
                | RefusalCode::StaleStore
                | RefusalCode::Fenced
        );
        if passing {
            self.postpone(tag, refusal);
        } else {
            self.flights().failed(tag, &refusal.into());
        }
    }

    fn postpone(&self, tag: u64, refusal: Refusal) {
        let after = refusal.retry_after.map_or(RETRY_AFTER, Duration::from_millis);
        let until = Instant::now() + after.max(Duration::from_millis(1));
        self.flights().postpone(tag, until, refusal);
        self.news.notify_one();
    }
}

/// What a messenger says of an entry.
#[derive(Debug)]
enum Said {
    Assigned(Box<AssignmentProof>),
    Executed(Box<Executed>),
    Refused(Refusal),
    /// With a sentence for people.
    Final(Box<RefusalProof>, String),
}

async fn keep(shared: Arc<Shared>, peers: Peers, mut turn: u64) {
    let directory = peers.directory().clone();
    let mut changed = directory.changed();
    loop {
        while shared.flights().is_empty() {
            shared.news.notified().await;
        }
        let messengers = directory.units(Role::Messenger);
        let count = u64::try_from(messengers.len()).unwrap_or(u64::MAX);
        let index = turn.checked_rem(count).and_then(|index| usize::try_from(index).ok());
        let Some(messenger) = index.and_then(|index| messengers.get(index)) else {
            if changed.changed().await.is_err() {
                return;
            }
            continue;
        };
        let peer = peers.peer(*messenger);
        if let Ok(connection) = peer.connection_within(CONNECT_TIMEOUT).await
            && let Ok((sender, mut receiver)) =
                connection.open_stream(&codec::encode(&Opening::Submit)).await
        {
            receiver.set_limit(OUTCOME_FRAME_MAX);
            shared.flights().begin();
            let error = tokio::select! {
                error = write(&shared, sender) => error,
                error = read(&shared, receiver) => error,
            };
            tracing::debug!(%messenger, %error, "the submit stream ended");
        }
        turn = turn.wrapping_add(1);
        sleep(PAUSE).await;
    }
}

/// The encoding of an [`protocol::api::SubmitFrame`] from entries that others hold as well.
#[derive(Encode)]
struct Frame<'a> {
    #[n(0)]
    submissions: Vec<Submission<'a>>,
}

/// The encoding of an [`protocol::api::Submission`] without a proof of origin.
#[derive(Encode)]
struct Submission<'a> {
    #[n(0)]
    tag: u64,
    #[n(1)]
    entry: &'a Entry,
}

fn frame(entries: &[(u64, Arc<Entry>)]) -> Vec<u8> {
    let submissions = entries.iter().map(|(tag, entry)| Submission { tag: *tag, entry });
    codec::encode(&Frame { submissions: submissions.collect() })
}

async fn write(shared: &Shared, mut sender: FrameSender) -> transport::Error {
    loop {
        let (entries, wake) = {
            let mut flights = shared.flights();
            flights.wake(Instant::now());
            (flights.take(FRAME_BYTES), flights.next_wake())
        };
        if !entries.is_empty() {
            if let Err(error) = sender.send(&frame(&entries)).await {
                return error;
            }
            continue;
        }
        let due = async {
            match wake {
                Some(wake) => sleep_until(wake).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.news.notified() => {}
            () = due => {}
        }
    }
}

async fn read(shared: &Arc<Shared>, mut receiver: FrameReceiver) -> transport::Error {
    // Whatever needs a look at the schedulers holds up nothing else. If the stream breaks, all of it
    // is said again on the next.
    let mut looking = JoinSet::new();
    loop {
        let bytes = tokio::select! {
            bytes = receiver.recv() => bytes,
            Some(_) = looking.join_next() => continue,
        };
        let bytes = match bytes {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return transport::Error::Truncated,
            Err(error) => return error,
        };
        let event = match codec::decode::<SubmitEvent>(&bytes) {
            Ok(event) => event,
            Err(error) => return transport::Error::Lost { reason: error.to_string() },
        };
        let mut doubtful: BTreeMap<ProcessId, Vec<(u64, Said)>> = BTreeMap::new();
        for (tag, said) in Shared::said(event) {
            if let Some((process, said)) = shared.handle(tag, said, false) {
                doubtful.entry(process).or_default().push((tag, said));
            }
        }
        for (process, said) in doubtful {
            let shared = Arc::clone(shared);
            looking.spawn(async move {
                if let Err(error) = shared.locations.find_again(process).await {
                    tracing::debug!(%process, %error, "nothing newer is known of a process");
                }
                for (tag, said) in said {
                    shared.handle(tag, said, true);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
