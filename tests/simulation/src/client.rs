//! Clients: each submits what it wants, again and again to one messenger or another, until it knows
//! what became of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    Assignment, AssignmentProof, Entry, EntryId, Hash, NetworkId, RefusalCode, Role, UnitId,
    api::{Opening, Submission, SubmitEvent, SubmitFrame},
    codec,
};
use simulated_tokio::{
    self as tokio,
    sync::mpsc,
    time::{sleep, timeout},
};
use simulated_transport::{FrameReceiver, FrameSender, Peers};

use crate::{numbers::Numbers, trace::note};

/// How long a client waits for an answer before it goes to another messenger.
const PATIENCE: Duration = Duration::from_secs(6);

/// What clients know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) submitted: BTreeMap<EntryId, Entry>,
    pub(crate) assigned: BTreeMap<EntryId, Assignment>,
    /// The digests of outcomes.
    pub(crate) executed: BTreeMap<EntryId, Hash>,
    pub(crate) refused: BTreeMap<EntryId, RefusalCode>,
}

/// A client.
pub(crate) struct Client {
    pub(crate) network: NetworkId,
    pub(crate) peers: Peers,
    pub(crate) numbers: Numbers,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) wishes: mpsc::Receiver<Entry>,
    pub(crate) open: BTreeMap<u64, Entry>,
    pub(crate) tag: u64,
}

impl Client {
    /// Submits what it is given, for ever.
    pub(crate) async fn run(mut self) {
        loop {
            if self.open.is_empty() {
                match self.wishes.recv().await {
                    Some(entry) => self.want(entry),
                    None => return,
                }
            }
            let messengers = self.peers.directory().units(Role::Messenger);
            let messenger = *self.numbers.pick(&messengers);
            if let Err(reason) = self.converse(messenger).await {
                note(&format!("a client goes elsewhere: {reason}"));
            }
            sleep(Duration::from_millis(self.numbers.below(300))).await;
        }
    }

    fn want(&mut self, entry: Entry) {
        self.told.lock().unwrap().submitted.insert(entry.id(), entry.clone());
        self.tag += 1;
        self.open.insert(self.tag, entry);
    }

    async fn converse(&mut self, messenger: UnitId) -> Result<(), String> {
        let peer = self.peers.peer(messenger);
        let connected = timeout(PATIENCE, peer.connection()).await;
        let connection = connected.map_err(|_| "it cannot be reached")?;
        let opened = connection.open_stream(&codec::encode(&Opening::Submit)).await;
        let (mut sender, mut receiver) = opened.map_err(|error| error.to_string())?;
        let all: Vec<u64> = self.open.keys().copied().collect();
        self.submit(&mut sender, &all).await?;
        loop {
            self.listen(&mut sender, &mut receiver).await?;
        }
    }

    async fn listen(
        &mut self,
        sender: &mut FrameSender,
        receiver: &mut FrameReceiver,
    ) -> Result<(), String> {
        tokio::select! {
            wish = self.wishes.recv() => match wish {
                Some(entry) => {
                    self.want(entry);
                    let tag = self.tag;
                    self.submit(sender, &[tag]).await
                }
                None if self.open.is_empty() => std::future::pending().await,
                None => self.hear(receiver).await,
            },
            heard = receive(receiver) => self.take(heard?),
        }
    }

    async fn hear(&mut self, receiver: &mut FrameReceiver) -> Result<(), String> {
        let heard = receive(receiver).await?;
        self.take(heard)
    }

    async fn submit(&self, sender: &mut FrameSender, tags: &[u64]) -> Result<(), String> {
        let submission = |tag: &u64| Submission::bare(*tag, self.open[tag].clone());
        let frame = SubmitFrame { submissions: tags.iter().map(submission).collect(), basis: None };
        sender.send(&codec::encode(&frame)).await.map_err(|error| error.to_string())
    }

    fn take(&mut self, event: SubmitEvent) -> Result<(), String> {
        let told = Arc::clone(&self.told);
        let mut told = told.lock().unwrap();
        match event {
            SubmitEvent::Assigned { batch, entries } => {
                for entry in entries {
                    let (assignment, path) = (entry.assignment, entry.path);
                    let proof = AssignmentProof { assignment, path, batch: batch.clone() };
                    proof.verify(self.network, &batch.unverified().scheduler).unwrap();
                    let before = told.assigned.insert(assignment.entry, assignment);
                    assert!(before.is_none_or(|before| before == assignment), "assigned twice");
                }
            }
            SubmitEvent::Executed { entries, .. } => {
                for entry in entries {
                    self.open.remove(&entry.tag);
                    told.executed.insert(entry.outcome.entry, entry.outcome.digest());
                }
            }
            SubmitEvent::Refused { tag, refusal } => {
                let open = self.open.get(&tag).map(Entry::id);
                note(&format!("a client is refused {open:?}: {refusal}"));
                if !refusal.code.is_retryable() {
                    self.open.remove(&tag);
                    told.refused.extend(open.map(|id| (id, refusal.code)));
                    return Ok(());
                }
                return Err(refusal.to_string());
            }
            SubmitEvent::Final { entries, .. } => {
                for entry in entries {
                    self.open.remove(&entry.tag);
                    told.refused.insert(entry.refusal.entry, entry.refusal.code);
                }
            }
            SubmitEvent::Delivered { .. } => panic!("clients submit no links"),
        }
        Ok(())
    }
}

async fn receive(receiver: &mut FrameReceiver) -> Result<SubmitEvent, String> {
    let frame = timeout(PATIENCE, receiver.recv()).await.map_err(|_| "it is silent")?;
    let frame = frame.map_err(|error| error.to_string())?.ok_or("it ended the stream")?;
    codec::decode(&frame).map_err(|error| error.to_string())
}
