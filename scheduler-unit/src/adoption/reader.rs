//! Reads a log that others have ordered, and believes nothing that it is given.
//!
//! # Invariants
//!
//! - What is let through was signed by the scheduler of its epoch, is in the chain, and is what a
//!   principal signed or a process provably emitted.
//! - Epochs change as the log's own controls say, each permitted by the controller of its time.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    Answer, Assignment, Change, Control, ControlAction, Delivery, Emitted, Entry, EntryId, Hash,
    ItemBody, MerkleTree, ModuleId, NetworkId, OpenBasis, OriginProof, OriginProofError, ProcessId,
    PublicKey, Signature, Signed, Slot, Source, Spawn, Timer, UnitId,
    api::{RefusalRecord, TailFrame, TailRecord},
    codec,
};

use crate::{
    order::{Head, Imported},
    verify::Recurring,
};

/// What is known beside the log.
pub(super) trait Knowledge {
    /// Who a process is.
    fn source(&self, process: &ProcessId) -> Option<Arc<Source>>;

    /// Whether a signature holds.
    fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool;

    /// Whether an entry is known here to be refused for good.
    fn is_refused(&self, process: &ProcessId, entry: &EntryId) -> bool;
}

/// Where somebody has come in a log.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    network: NetworkId,
    process: ProcessId,
    /// Who stands for it; nothing before slot 0.
    source: Option<Source>,
    head: Head,
    /// The last slot that is wanted, if not all are.
    last: Option<Slot>,
}

/// A part of a group commit that is believed.
#[derive(Debug)]
pub(super) struct Read {
    /// Its bytes.
    pub(super) segment: Bytes,
    /// Its slots.
    pub(super) slots: Vec<Imported>,
    /// Its final refusals that are not known here.
    pub(super) refusals: Vec<RefusalRecord>,
    /// The modules that it brings.
    pub(super) modules: Vec<ModuleId>,
}

/// Why a frame is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// It is not what the scheduler of the log has signed.
    #[error("{0}")]
    Wrong(&'static str),
    /// Whether a process emitted an item cannot be told before it is known who that process is.
    #[error("{0} has emitted an item, and nobody says who that is")]
    Unknown(ProcessId),
}

impl Reader {
    /// Goes on behind what is known of a log, up to a slot if not all is wanted.
    pub(super) fn new(
        network: NetworkId,
        process: ProcessId,
        known: Option<(Source, Head)>,
        last: Option<Slot>,
    ) -> Self {
        let (source, head) =
            known.map_or((None, Head::EMPTY), |(source, head)| (Some(source), head));
        Self { network, process, source, head, last }
    }

    /// The first slot that is not read.
    pub(super) const fn next(&self) -> Slot {
        self.head.next
    }

    /// Whether everything that is wanted is read.
    pub(super) fn is_done(&self) -> bool {
        self.last.is_some_and(|last| self.head.next > last)
    }

    /// Reads a frame; nothing if it has no news. Nothing has changed after an error.
    pub(super) fn read(
        &mut self,
        frame: &[u8],
        knowledge: &impl Knowledge,
    ) -> Result<Option<Read>, ReadError> {
        let mut ahead = self.clone();
        let read = ahead.read_frame(frame, knowledge)?;
        *self = ahead;
        Ok(read)
    }

    fn read_frame(
        &mut self,
        frame: &[u8],
        knowledge: &impl Knowledge,
    ) -> Result<Option<Read>, ReadError> {
        let frame: TailFrame =
            codec::decode(frame).map_err(|_| ReadError::Wrong("a frame cannot be read"))?;
        let TailFrame { batch, leaves, records, refusals, basis } = frame;
        let open = basis.clone().map(|basis| {
            basis.open().ok_or(ReadError::Wrong("the basis of a frame is not that of its batches"))
        });
        let open = open.transpose()?;
        let header = batch.unverified();
        let scheduler = header.scheduler;
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            knowledge.holds(key, digest, signature)
        };
        if u32::try_from(leaves.len()) != Ok(header.count)
            || MerkleTree::new(leaves.clone()).root() != header.root
            || batch.verify_by(self.network, &batch.digest(), holds).is_err()
        {
            return Err(ReadError::Wrong("a batch is not what its scheduler has signed"));
        }
        let before = self.source.as_ref().map(Source::scheduler);
        let (mut kept, mut slots, mut modules) = (Vec::new(), Vec::new(), Vec::new());
        let mut cut = false;
        for record in records {
            if record.assignment.slot < self.head.next {
                continue;
            }
            if self.is_done() {
                cut = true;
                break;
            }
            check_leaf(&leaves, record.index, record.assignment.leaf())?;
            slots.push(self.read_record(
                (&scheduler, &record),
                open.as_ref(),
                &mut modules,
                knowledge,
            )?);
            kept.push(record);
        }
        let after = self.source.as_ref().map(Source::scheduler);
        let mut news = Vec::new();
        for record in refusals.into_iter().flatten() {
            check_leaf(&leaves, record.index, record.refusal.leaf())?;
            if record.refusal.process != self.process || ![before, after].contains(&Some(scheduler))
            {
                return Err(ReadError::Wrong("a refusal is not of the scheduler of the log"));
            }
            // Where slots are void, numbers of pairs behind them are free again.
            let void = cut && record.pair.is_some();
            if !void && !knowledge.is_refused(&self.process, &record.refusal.entry) {
                news.push(record);
            }
        }
        if kept.is_empty() && news.is_empty() {
            return Ok(None);
        }
        let refusals = (!news.is_empty()).then(|| news.clone());
        let frame = TailFrame { batch, leaves, records: kept, refusals, basis };
        let segment = Bytes::from(codec::encode(&frame));
        Ok(Some(Read { segment, slots, refusals: news, modules }))
    }

    fn read_record(
        &mut self,
        (scheduler, record): (&UnitId, &TailRecord),
        basis: Option<&OpenBasis>,
        modules: &mut Vec<ModuleId>,
        knowledge: &impl Knowledge,
    ) -> Result<Imported, ReadError> {
        let assignment = record.assignment;
        if assignment.process != self.process
            || assignment.slot != self.head.next
            || assignment.time < self.head.time
            || !assignment.follows(&self.head.chain)
        {
            return Err(ReadError::Wrong("the slots of the log do not follow each other"));
        }
        let entry: Entry = codec::decode(&record.entry)
            .map_err(|_| ReadError::Wrong("an entry cannot be read"))?;
        if entry.id() != assignment.entry || entry.target() != self.process {
            return Err(ReadError::Wrong("an entry is not the one that was assigned"));
        }
        let origin = record
            .proof(&entry, basis)
            .map_err(|_| ReadError::Wrong("a proof of origin cannot be read"))?;
        let source = self.begin(&assignment, &entry, modules)?;
        let takes_over = matches!(
            &entry,
            Entry::Control(control)
                if matches!(control.unverified().action, ControlAction::Takeover { .. })
        );
        let next = if takes_over { source.epoch().next() } else { Some(source.epoch()) };
        if next != Some(assignment.epoch) || (!takes_over && source.scheduler() != *scheduler) {
            return Err(ReadError::Wrong("a slot is not of the scheduler of its epoch"));
        }
        let check =
            Check { network: self.network, process: self.process, source: &source, knowledge };
        let recurs = check.entry(&entry, origin.as_ref())?;
        let mut source = source;
        if let Entry::Control(control) = &entry {
            self.obey(&mut source, control, &assignment, origin.as_ref())?;
            if let ControlAction::Upgrade { module, .. } = control.unverified().action {
                modules.push(module);
            }
            if source.scheduler_of(assignment.epoch, assignment.slot) != Some(*scheduler) {
                return Err(ReadError::Wrong("a control is not of the scheduler of its epoch"));
            }
        }
        self.source = Some(source);
        self.head = Head::after(&assignment);
        let spawn = spawn_of(&assignment, &entry).and_then(|bytes| codec::decode(bytes).ok());
        Ok(Imported { assignment, entry, recurs, spawn: spawn.map(Box::new) })
    }

    /// Who stands for the log before a slot: by the spawn, if it is the first.
    fn begin(
        &self,
        assignment: &Assignment,
        entry: &Entry,
        modules: &mut Vec<ModuleId>,
    ) -> Result<Source, ReadError> {
        let Some(bytes) = spawn_of(assignment, entry) else {
            let known = self.source.clone();
            return known.ok_or(ReadError::Wrong("the log does not begin with a spawn"));
        };
        let source = Source::born(&self.process, bytes);
        let source =
            source.map_err(|_| ReadError::Wrong("the spawn is not that of the process"))?;
        let spawn: Spawn =
            codec::decode(bytes).map_err(|_| ReadError::Wrong("the spawn cannot be read"))?;
        modules.push(spawn.module);
        Ok(source)
    }

    /// Goes on to what a control changes.
    fn obey(
        &self,
        source: &mut Source,
        control: &Signed<Control>,
        assignment: &Assignment,
        origin: Option<&OriginProof>,
    ) -> Result<(), ReadError> {
        let forbidden = |_| ReadError::Wrong("a control is not permitted by the log before it");
        let body = control.unverified();
        let ControlAction::Takeover { slot, chain, .. } = &body.action else {
            source.permits(body).map_err(forbidden)?;
            source.advance(body, assignment.slot);
            return Ok(());
        };
        let proof = origin.ok_or(ReadError::Wrong("a takeover comes without what attests it"))?;
        if slot.next() != Some(self.head.next) || *chain != self.head.chain {
            return Err(ReadError::Wrong("a takeover goes on behind another slot"));
        }
        let change = Change {
            control: control.clone(),
            sealed: proof.assignment.clone(),
            attested: Some(proof.receipts.clone()),
        };
        debug_assert_eq!(slot.next(), Some(assignment.slot), "it is in the slot behind");
        source.apply(&self.process, &change, self.network).map_err(forbidden)
    }
}

/// Checks what does not depend on the log's place.
struct Check<'a, K> {
    network: NetworkId,
    process: ProcessId,
    source: &'a Source,
    knowledge: &'a K,
}

impl<K: Knowledge> Check<'_, K> {
    /// Checks that a principal signed an entry, or that a process emitted it; whether it is a timer
    /// that recurs.
    fn entry(&self, entry: &Entry, origin: Option<&OriginProof>) -> Result<bool, ReadError> {
        let proven = match (entry, origin) {
            (Entry::Delivery(item) | Entry::Skip(item), Some(proof)) => {
                if matches!(entry, Entry::Skip(_)) != matches!(item.item.body, ItemBody::Skip(_)) {
                    return Err(ReadError::Wrong("an item is not of its entry's kind"));
                }
                self.item(item, proof)?;
                return Ok(false);
            }
            (Entry::Timer(timer), Some(proof)) => return self.timer(timer, proof),
            (Entry::Control(control), origin) => {
                let action = &control.unverified().action;
                origin.is_some() == matches!(action, ControlAction::Takeover { .. })
            }
            (Entry::Spawn(_) | Entry::Message(_) | Entry::Answer(_), None) => true,
            _ => false,
        };
        if !proven {
            return Err(ReadError::Wrong("an entry comes with another proof than its kind has"));
        }
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            self.knowledge.holds(key, digest, signature)
        };
        let signed = match entry {
            Entry::Spawn(spawn) => spawn.verify_by(self.network, &spawn.digest(), holds),
            Entry::Message(message) => message.verify_by(self.network, &message.digest(), holds),
            Entry::Control(control) => control.verify_by(self.network, &control.digest(), holds),
            Entry::Answer(Answer { statement }) => {
                statement.verify_by(self.network, &statement.digest(), holds)
            }
            Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_) => Ok(()),
        };
        signed.map_err(|_| ReadError::Wrong("the signature of an entry does not hold"))?;
        Ok(false)
    }

    fn item(&self, item: &Delivery, proof: &OriginProof) -> Result<(), ReadError> {
        if item.source == self.process {
            return self.prove(item.into(), proof, Some(self.source));
        }
        let known = self.knowledge.source(&item.source);
        self.prove(item.into(), proof, known.as_deref())
    }

    fn timer(&self, timer: &Timer, proof: &OriginProof) -> Result<bool, ReadError> {
        let item = proof.emitted.as_deref().filter(|item| timer.is_of(item));
        let item = item.ok_or(ReadError::Wrong("a timer comes without the item that set it"))?;
        let emitted = Emitted { source: &self.process, slot: timer.slot, item };
        self.prove(emitted, proof, Some(self.source))?;
        Ok(Recurring::of(item).is_some())
    }

    /// What stands in a log was accepted under the policy of its time.
    fn prove(
        &self,
        emitted: Emitted<'_>,
        proof: &OriginProof,
        known: Option<&Source>,
    ) -> Result<(), ReadError> {
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            self.knowledge.holds(key, digest, signature)
        };
        let source = *emitted.source;
        proof.verify(self.network, emitted, known, true, holds).map_err(|error| match error {
            OriginProofError::Unknown | OriginProofError::Policy => ReadError::Unknown(source),
            _ => ReadError::Wrong("a proof of origin does not hold"),
        })
    }
}

fn check_leaf(leaves: &[Hash], index: u32, leaf: Hash) -> Result<(), ReadError> {
    let found = usize::try_from(index).ok().and_then(|index| leaves.get(index));
    let wrong = ReadError::Wrong("a record is not a leaf of its batch");
    (found == Some(&leaf)).then_some(()).ok_or(wrong)
}

/// The bytes of the spawn in a slot 0.
fn spawn_of<'e>(assignment: &Assignment, entry: &'e Entry) -> Option<&'e [u8]> {
    match entry {
        _ if assignment.slot != Slot::ZERO => None,
        Entry::Spawn(spawn) => Some(spawn.body_bytes()),
        Entry::Delivery(item) => match &item.item.body {
            ItemBody::Spawn(spawn, _) => Some(spawn),
            _ => None,
        },
        _ => None,
    }
}

/// The bytes of the spawn that a record says to hold, unchecked.
pub(super) fn spawn_bytes(record: &TailRecord) -> Option<Vec<u8>> {
    let entry = codec::decode(&record.entry).ok()?;
    spawn_of(&record.assignment, &entry).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
