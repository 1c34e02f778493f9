//! What the unit answers to whom.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    Entry, EntryId, Hash, HeadStatement, ItemBody, Kind, Limits, PairNumber, PairStatement,
    ProcessId, Provenance, Refusal, RefusalCode, Role, Signed, Slot, UnitId, V1, Verdict,
    api::{
        Adoption, LogRecord, ModuleBytes, NextNumber, Opening, PairUse, ProcessEntry, ProcessPage,
        Records, Request, Response, Stored, UnitStatus,
    },
    codec,
};
use transport::{FrameReceiver, FrameSender, Handler};

use crate::{
    log_stream,
    order::Place,
    submit,
    tails::{self, Opener},
    unit::Unit,
    verify::refuse_storage,
};

/// The most slots or processes in a page.
const PAGE: u32 = 4_096;

/// The most bytes of spawns in a page of processes.
const PAGE_BYTES: usize = 8 << 20;

/// Answers for a unit.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Unit>);

impl Handler for Service {
    async fn request(&self, peer: UnitId, body: Bytes) -> Bytes {
        self.0.metrics.requests.add(1);
        let answer = match self.0.read(move |unit| unit.answer(&body)).await {
            Ok(Answer::Done(answer)) => Ok(answer),
            Ok(Answer::Adopt(adoption)) => {
                self.0.adopt(*adoption).await.map(|adopted| Response::done(&adopted))
            }
            Err(refusal) => Err(refusal),
        };
        Bytes::from(answer.unwrap_or_else(|refusal| {
            tracing::debug!(%peer, %refusal, "a request is refused");
            Response::refused(refusal)
        }))
    }

    async fn stream(
        &self,
        peer: UnitId,
        opening: Bytes,
        sender: FrameSender,
        receiver: FrameReceiver,
    ) {
        match codec::decode(&opening) {
            Ok(Opening::Submit) => submit::serve(&self.0, sender, receiver).await,
            Ok(Opening::Tail { cursors, present }) => {
                let opener = Opener { unit: peer, present };
                tails::serve(&self.0, opener, cursors, sender, receiver).await;
            }
            Ok(Opening::Log { process, from }) => {
                log_stream::serve(&self.0, process, from, sender).await;
            }
            Ok(Opening::Follow { .. } | Opening::Watch | Opening::Subscribe { .. }) => {
                tracing::debug!(%peer, "a stream is not for a scheduler");
            }
            Err(error) => tracing::debug!(%peer, %error, "an opening cannot be read"),
        }
    }
}

/// What a request needs.
enum Answer {
    /// Nothing more.
    Done(Vec<u8>),
    /// Other units.
    Adopt(Box<Adoption>),
}

impl Unit {
    fn answer(&self, body: &[u8]) -> Result<Answer, Refusal> {
        match codec::decode(body) {
            Ok(Request::Adopt(adoption)) => Ok(Answer::Adopt(adoption)),
            Ok(request) => self.read_answer(request).map(Answer::Done),
            Err(error) => Err(Refusal::new(RefusalCode::Malformed, error.to_string())),
        }
    }

    /// Answers a request. Reads the disk.
    fn read_answer(&self, request: Request) -> Result<Vec<u8>, Refusal> {
        match request {
            Request::Status => Ok(Response::done(&self.status())),
            Request::Records => Ok(Response::done(&Records { records: self.directory.records() })),
            Request::Head { process, nonce } => Ok(Response::done(&self.head(process, nonce)?)),
            Request::Log { process, from, limit } => self.page(process, from, limit),
            Request::Find(entry) => {
                let place = self.shards.find(&entry).map_err(refuse_storage)?;
                let place = place.ok_or_else(|| not_found("this entry"))?;
                Ok(Response::done(&self.record(&place)?))
            }
            Request::Proof { process, slot } => {
                let archive = self.shards.archive(&process);
                archive.board.process(&process).ok_or_else(|| unknown(&process))?;
                let proof = archive.proof(&Place { process, slot }).map_err(refuse_storage)?;
                Ok(Response::done(&proof.ok_or_else(|| not_found("this slot"))?))
            }
            Request::Pair { source, target } => {
                let archive = self.shards.archive(&target);
                let number = archive.next_number(&source, &target).map_err(refuse_storage)?;
                let number = number.ok_or_else(|| unknown(&target))?;
                Ok(Response::done(&NextNumber { number }))
            }
            Request::Processes { offset, limit } => {
                Ok(Response::done(&self.processes(offset, limit)?))
            }
            Request::Describe(process) => Ok(Response::done(&self.known_as(&process)?)),
            Request::Refused(entry) => {
                let proof = self.shards.refusal(&entry).map_err(refuse_storage)?;
                let proof = proof.ok_or_else(not_refused)?;
                Ok(Response::done(&proof))
            }
            Request::Statement { source, target, number, entry } => {
                Ok(Response::done(&self.state((source, target, number), entry)?))
            }
            Request::PutModule(wasm) => self.put_module(&wasm),
            Request::GetModule(module) => {
                let wasm = self.shards.modules.get(&module).map_err(refuse_storage)?;
                let detail = "this module is not stored here";
                let module =
                    wasm.ok_or_else(|| Refusal::new(RefusalCode::UnknownModule, detail))?;
                Ok(Response::done(&ModuleBytes { module }))
            }
            Request::Accept { .. }
            | Request::View(_)
            | Request::Outcomes { .. }
            | Request::Await { .. }
            | Request::Checkpoint { .. }
            | Request::Blobs { .. }
            | Request::Adopt(_)
            | Request::Heads { .. }
            | Request::Agenda { .. }
            | Request::Outbox { .. }
            | Request::PutCursors(_)
            | Request::ModuleOf(_) => {
                let detail = "this unit is a scheduler; it does not answer that";
                Err(Refusal::new(RefusalCode::UnknownRequest, detail))
            }
        }
    }

    /// Who a process is that this scheduler orders, or has ordered: what says most.
    fn known_as(&self, process: &ProcessId) -> Result<Provenance, Refusal> {
        let archive = self.shards.archive(process);
        let known = archive.board.process(process).ok_or_else(|| unknown(process))?;
        let provenance = archive.provenance(process).map_err(refuse_storage)?;
        let mut provenance = provenance.ok_or_else(|| unknown(process))?;
        let successor = self.shards.seals.successor(process, provenance.changes.len());
        let is_own = known.standing.source.scheduler() == self.id;
        if let Some(successor) = successor {
            provenance = Provenance::clone(&successor.provenance);
        } else if is_own {
            return Ok(provenance);
        }
        // What came of a log that is ordered elsewhere may have been shown with a delivery.
        let met = self.shards.introduced(process).map_err(refuse_storage)?;
        Ok(met.filter(|met| met.changes.len() > provenance.changes.len()).unwrap_or(provenance))
    }

    fn status(&self) -> UnitStatus {
        let (_, processes) = self.shards.processes(0, 0);
        let batches = self.shards.iter().map(|shard| *shard.archive.board.batches().borrow());
        let mut counters = self.metrics.list();
        counters.extend(self.clock.list());
        counters.push(("log_batches".to_owned(), batches.sum()));
        counters.push(("shards".to_owned(), self.shards.count().get().into()));
        counters.push(("processes".to_owned(), processes));
        counters.sort_unstable();
        UnitStatus {
            unit: self.id,
            role: Role::Scheduler,
            software: concat!("antiphon ", env!("CARGO_PKG_VERSION")).to_owned(),
            started: self.clock.started(),
            counters,
        }
    }

    fn page(&self, process: ProcessId, from: Slot, limit: u32) -> Result<Vec<u8>, Refusal> {
        let limit = usize::try_from(limit.min(PAGE)).unwrap_or_default();
        let archive = self.shards.archive(&process);
        let page = archive.page(process, from, limit).map_err(refuse_storage)?;
        Ok(Response::done_bytes(&page.ok_or_else(|| unknown(&process))?))
    }

    fn head(&self, process: ProcessId, nonce: Hash) -> Result<Signed<HeadStatement>, Refusal> {
        let archive = self.shards.archive(&process);
        let known = archive.board.process(&process).ok_or_else(|| unknown(&process))?;
        let last = known.head.next.get().checked_sub(1).ok_or_else(|| unknown(&process))?;
        let statement = HeadStatement {
            version: V1,
            kind: Kind,
            network: self.network,
            scheduler: self.id,
            process,
            epoch: known.standing.source.epoch(),
            slot: Slot::new(last),
            chain: known.head.chain,
            time: self.clock.now(),
            nonce,
        };
        Ok(Signed::sign(statement, &self.key))
    }

    /// What became of a number of a pair: of the delivery that it would be, or of the skip in its
    /// place.
    fn state(
        &self,
        (source, target, number): (ProcessId, ProcessId, PairNumber),
        entry: EntryId,
    ) -> Result<Signed<PairStatement>, Refusal> {
        let archive = self.shards.archive(&target);
        let known = archive.board.process(&target);
        let is_known = known.is_some();
        // Of a log that was taken over, slots and refusals may be void that this unit has.
        let changes = || known.map_or(0, |known| known.standing.source.changes());
        if let Some(refusal) = self.shards.seals.refuses(&target, changes) {
            return Err(refusal);
        }
        let verdict = match archive.find(&entry).map_err(refuse_storage)? {
            Some(place) if place.process == target => {
                let verdict = self.verdict(&place, (source, number))?;
                verdict.ok_or_else(|| not_found("a delivery of this number"))?
            }
            Some(_) => return Err(not_found("a delivery of this number")),
            None => {
                let refused = archive.refused(&entry).map_err(refuse_storage)?;
                // Whoever asks names the entry; it counts only as this number of this pair.
                let refused = refused.filter(|record| {
                    record.refusal.process == target
                        && record.pair == Some(PairUse { source, number })
                });
                let missing = || if is_known { not_found("this number") } else { unknown(&target) };
                Verdict::Refused(refused.ok_or_else(missing)?.refusal.code)
            }
        };
        let (version, kind, network) = (V1, Kind, self.network);
        let scheduler = self.id;
        let statement =
            PairStatement { version, kind, network, scheduler, source, target, number, verdict };
        Ok(Signed::sign(statement, &self.key))
    }

    /// What a slot makes of a number of a pair, if it is about that.
    fn verdict(
        &self,
        place: &Place,
        (source, number): (ProcessId, PairNumber),
    ) -> Result<Option<Verdict>, Refusal> {
        Ok(match self.record(place)?.entry {
            Entry::Delivery(delivery) => {
                let is_it = delivery.source == source
                    && delivery.item.pair.is_some_and(|pair| pair.number == number);
                is_it.then_some(Verdict::Assigned(place.slot))
            }
            Entry::Skip(skip) => {
                let is_it = skip.source == source && skip.item.body == ItemBody::Skip(number);
                is_it.then_some(Verdict::Refused(RefusalCode::Skipped))
            }
            _ => None,
        })
    }

    fn record(&self, place: &Place) -> Result<LogRecord, Refusal> {
        let archive = self.shards.archive(&place.process);
        let record = archive.record(place).map_err(refuse_storage)?;
        record.ok_or_else(|| not_found("this slot"))
    }

    fn processes(&self, offset: u64, limit: u32) -> Result<ProcessPage, Refusal> {
        let limit = usize::try_from(limit.min(PAGE)).unwrap_or_default();
        let (known, total) = self.shards.processes(offset, limit);
        let (mut processes, mut bytes) = (Vec::with_capacity(known.len()), 0);
        for (process, known) in known {
            let archive = self.shards.archive(&process);
            let spawn = archive.spawn(&process, &known).map_err(refuse_storage)?;
            bytes += spawn.len();
            if bytes > PAGE_BYTES && !processes.is_empty() {
                break;
            }
            let (next, time) = (known.head.next, known.head.time);
            let source = &known.standing.source;
            let successor = self.shards.seals.successor(&process, source.changes());
            let scheduler =
                successor.map_or_else(|| source.scheduler(), |successor| successor.scheduler);
            let moved = (scheduler != self.id).then_some(scheduler);
            processes.push(ProcessEntry { process, spawn, next, time, moved });
        }
        Ok(ProcessPage { processes, total })
    }

    fn put_module(&self, wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
        let most = Limits::MODULE_BYTES_MAX;
        if wasm.len() > most {
            let detail = format!("the module has {} bytes, {most} are allowed", wasm.len());
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        let module = self.shards.modules.put(wasm).map_err(refuse_storage)?;
        Ok(Response::done(&Stored { module }))
    }
}

fn unknown(process: &ProcessId) -> Refusal {
    let detail = format!("{process} is not ordered here; ask the scheduler its spawn names");
    Refusal::new(RefusalCode::UnknownProcess, detail)
}

fn not_found(what: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, format!("{what} is not assigned here"))
}

fn not_refused() -> Refusal {
    Refusal::new(RefusalCode::NotFound, "this entry is not refused for good here")
}

#[cfg(test)]
mod tests;
