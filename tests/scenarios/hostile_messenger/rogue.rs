//! A messenger that obeys no rule: it follows compute units as every messenger does, and submits what
//! it likes.

use std::collections::BTreeMap;

use antiphon_client::Client;
use protocol::{
    AssignmentLink, AssignmentProof, BatchHeader, Delivery, Entry, EntryId, ItemBody, OriginProof,
    OutboxItem, Outcome, PairStatement, ProcessId, Receipt, RefusalCode, Role, SecretKey, Signed,
    SignedTree, Slot, Timer, TimerKind, Timestamp, Value,
    abi::{GuestEffect, Input},
    api::{FollowFrame, Opening, Request},
    codec,
};
use tokio::{sync::mpsc, time::timeout};
use transport::{Endpoint, Limits, Peers};

use super::puppet;
use crate::{
    forgery::Attacker,
    support::{Cluster, PATIENCE},
};

/// What a slot came to, as far as compute units have told.
#[derive(Debug)]
struct Seen {
    outcome: Outcome,
    assignment: Option<AssignmentProof>,
    receipts: Vec<Receipt>,
}

/// An item with all that proves it, as it was emitted or as the rogue would like it.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) source: ProcessId,
    pub(super) slot: Slot,
    pub(super) item: OutboxItem,
    pub(super) origin: OriginProof,
}

impl Parcel {
    /// The item as an entry of its target's log.
    pub(super) fn entry(&self) -> Entry {
        let Self { source, slot, item, .. } = self.clone();
        let delivery = Delivery { source, slot, item };
        match delivery.item.body {
            ItemBody::Skip(_) => Entry::Skip(delivery),
            _ => Entry::Delivery(delivery),
        }
    }

    /// The first time that it is due.
    pub(super) fn timer(&self) -> Timer {
        let (kind, due) = match &self.item.body {
            ItemBody::Timer { due, .. } => (TimerKind::Timer, *due),
            ItemBody::Ask { deadline, .. } | ItemBody::Spawn(_, Some(deadline)) => {
                (TimerKind::AskTimeout, *deadline)
            }
            other => panic!("never due: {other:?}"),
        };
        let (process, slot, index) = (self.source, self.slot, self.item.index);
        Timer { process, slot, index, occurrence: 0, kind, due }
    }

    /// The parcel with something else in it.
    pub(super) fn altered(&self, alter: impl FnOnce(&mut Self)) -> Self {
        let mut altered = self.clone();
        alter(&mut altered);
        altered
    }
}

/// A rogue.
pub(super) struct Rogue {
    pub(super) client: Client,
    attacker: Attacker,
    peers: Peers,
    frames: mpsc::Receiver<FollowFrame>,
    seen: BTreeMap<(ProcessId, Slot), Seen>,
    /// What has a place because this rogue submitted it.
    places: BTreeMap<(ProcessId, Slot), EntryId>,
}

impl Rogue {
    /// Takes the place of the cluster's only messenger.
    pub(super) async fn of(cluster: &Cluster) -> Self {
        let client = cluster.client().await;
        let network = cluster.network();
        Cluster::kill(&cluster.units("messenger")[0]);
        let key = SecretKey::from_seed(&[68; 32]);
        let endpoint = Endpoint::client(&key, network, Limits::default()).unwrap();
        let peers = Peers::new(endpoint, client.directory().clone());
        let (told, frames) = mpsc::channel(1_024);
        for unit in client.directory().units(Role::Compute) {
            let connection = peers.peer(unit).connection().await;
            let opening = codec::encode(&Opening::Follow { cursors: vec![] });
            let (sender, mut receiver) = connection.open_stream(&opening).await.unwrap();
            let told = told.clone();
            tokio::spawn(async move {
                let _sender = sender;
                while let Ok(Some(frame)) = receiver.recv().await {
                    let frame = codec::decode(&frame).expect("compute units keep to the protocol");
                    if told.send(frame).await.is_err() {
                        return;
                    }
                }
            });
        }
        let attacker = Attacker::new(&client, network, Role::Scheduler).await;
        let (seen, places) = (BTreeMap::new(), BTreeMap::new());
        Self { client, attacker, peers, frames, seen, places }
    }

    /// Submits an entry and returns its slot, or why it was refused.
    pub(super) async fn submit(
        &mut self,
        entry: Entry,
        origin: Option<OriginProof>,
    ) -> Result<Slot, RefusalCode> {
        let (id, target) = (entry.id(), entry.target());
        let slot = self.attacker.submit(entry, origin).await?;
        let before = self.places.insert((target, slot), id);
        assert!(before.is_none_or(|before| before == id), "slot {slot} was another entry's");
        Ok(slot)
    }

    /// Submits what a parcel holds.
    pub(super) async fn deliver(&mut self, parcel: &Parcel) -> Result<Slot, RefusalCode> {
        self.submit(parcel.entry(), Some(parcel.origin.clone())).await
    }

    /// Submits a timer with what a parcel proves.
    pub(super) async fn fire(
        &mut self,
        timer: Timer,
        parcel: &Parcel,
    ) -> Result<Slot, RefusalCode> {
        let emitted = Some(Box::new(parcel.item.clone()));
        let origin = OriginProof { emitted, ..parcel.origin.clone() };
        self.submit(Entry::Timer(timer), Some(origin)).await
    }

    /// Submits a timer until it is due.
    pub(super) async fn fire_when_due(&mut self, parcel: &Parcel) -> Slot {
        loop {
            match self.fire(parcel.timer(), parcel).await {
                Ok(slot) => return slot,
                Err(code) => assert_eq!(code, RefusalCode::NotDue),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Brings a client's message; its slot.
    pub(super) async fn send(&mut self, to: ProcessId, method: &str, args: &Value) -> Slot {
        let message = self.client.prepare_message(to, method, args).unwrap();
        self.submit(Entry::Message(message), None).await.unwrap()
    }

    /// Has a puppet want something; what it has emitted then.
    pub(super) async fn command(
        &mut self,
        puppet: ProcessId,
        effects: Vec<GuestEffect>,
    ) -> Vec<Parcel> {
        let slot = self.send(puppet, "do", &puppet::script(effects)).await;
        self.parcels(puppet, slot).await
    }

    /// What a slot came to, once it is executed.
    pub(super) async fn outcome(&mut self, process: ProcessId, slot: Slot) -> Outcome {
        self.seen(process, slot, 1).await.outcome.clone()
    }

    /// Everything that a slot emitted.
    pub(super) async fn parcels(&mut self, process: ProcessId, slot: Slot) -> Vec<Parcel> {
        self.parcels_by(process, slot, 1).await
    }

    /// The same with the receipts of several units.
    pub(super) async fn parcels_by(
        &mut self,
        process: ProcessId,
        slot: Slot,
        units: usize,
    ) -> Vec<Parcel> {
        let Seen { outcome, assignment, receipts } = self.seen(process, slot, units).await;
        let parcel = |item: &OutboxItem| {
            let origin = OriginProof {
                item: outcome.item_path(item.index).unwrap(),
                receipts: receipts.clone(),
                assignment: assignment.clone().expect("it comes with an outbox"),
                introduction: None,
                emitted: None,
            };
            Parcel { source: process, slot, item: item.clone(), origin }
        };
        outcome.outbox.iter().map(parcel).collect()
    }

    async fn seen(&mut self, process: ProcessId, slot: Slot, units: usize) -> &Seen {
        let at = (process, slot);
        while self.seen.get(&at).is_none_or(|seen| seen.receipts.len() < units) {
            let frame = timeout(PATIENCE, self.frames.recv()).await;
            self.take(frame.expect("it is executed").expect("compute units are followed"));
        }
        &self.seen[&at]
    }

    fn take(&mut self, frame: FollowFrame) {
        let tree = frame.tree();
        let FollowFrame { batch, slots, assignments } = frame;
        let open = |tree: SignedTree<BatchHeader>| tree.open().expect("a unit is honest");
        let batches: Vec<_> = assignments.into_iter().flatten().map(open).collect();
        for (index, told) in (0..).zip(slots) {
            let assignment = told.place.map(|place| {
                let (entry, chain) = (told.outcome.entry, told.leaf.chain);
                let link = AssignmentLink { place, entry, chain };
                let assignment = link.assignment(told.leaf.process, told.leaf.slot);
                let batch = &batches[usize::try_from(place.batch).unwrap()];
                let path = batch.tree().path(place.index).expect("the leaf is there");
                AssignmentProof { assignment, path, batch: batch.batch().clone() }
            });
            let path = tree.path(index).expect("every slot is a leaf");
            let receipt = Receipt { leaf: told.leaf, path, batch: batch.clone() };
            let at = (told.outcome.process, told.outcome.slot);
            let outcome = told.outcome;
            let fresh = || Seen { outcome, assignment, receipts: Vec::new() };
            self.seen.entry(at).or_insert_with(fresh).receipts.push(receipt);
        }
    }

    /// What the scheduler says of the number that an item would be, or would skip.
    pub(super) async fn statement(
        &self,
        parcel: &Parcel,
    ) -> Result<Signed<PairStatement>, Option<RefusalCode>> {
        let number = match (&parcel.item.body, parcel.item.pair) {
            (ItemBody::Skip(number), _) => *number,
            (_, Some(pair)) => pair.number,
            (other, None) => panic!("it has no number: {other:?}"),
        };
        let (source, target, entry) = (parcel.source, parcel.item.target, parcel.entry().id());
        let request = Request::Statement { source, target, number, entry };
        let scheduler = self.client.directory().units(Role::Scheduler)[0];
        let asked = self.peers.ask(scheduler, &request).await;
        asked.map_err(|error| match error {
            transport::RequestError::Refused(refusal) => Some(refusal.code),
            _ => None,
        })
    }

    /// The present time of the scheduler, as far as it is known: that of a new message.
    pub(super) async fn time(&mut self, puppet: ProcessId) -> Timestamp {
        let slot = self.send(puppet, "do", &puppet::script(vec![])).await;
        let mut log = self.client.log(puppet, slot);
        log.page(1).await.unwrap().records[0].assignment.time
    }

    /// What a puppet was handed last, in this slot or later.
    pub(super) async fn last_input(&self, puppet: ProcessId, slot: Slot) -> Input {
        let none = Value::Map(vec![]);
        let viewed = self.client.view(puppet, "last", &none, Some(slot)).await.unwrap();
        codec::decode(&puppet::shown(&viewed.reply)).expect("an input")
    }

    /// A process's answer to a view that takes nothing.
    pub(super) async fn view(&self, process: ProcessId, method: &str, slot: Slot) -> Value {
        let none = Value::Map(vec![]);
        self.client.view(process, method, &none, Some(slot)).await.unwrap().reply
    }

    /// Checks that a log has, behind its birth, exactly what was submitted and accepted, in order.
    pub(super) async fn check_log(&self, process: ProcessId) {
        let page = self.client.log(process, Slot::ZERO).page(1_000).await.unwrap();
        let told: Vec<_> = page.records.iter().skip(1).map(|record| record.entry.id()).collect();
        let submitted = self.places.range((process, Slot::new(1))..);
        let submitted = submitted.take_while(|((other, _), _)| *other == process);
        assert_eq!(told, submitted.map(|(_, id)| *id).collect::<Vec<_>>());
    }
}
