//! What a compute unit answers to requests.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use protocol::{
    Acceptance, FailureKind, Hash, Kind, ModuleId, ProcessId, Profile, ProfileId, Refusal,
    RefusalCode, Reply, Role, Signed, Slot, StateStatement, V1, ViewAnswer, ViewRequest,
    api::{
        AgendaKey, AgendaPage, BLOBS_MAX, Blobs, CheckpointAnswer, ModuleBytes, OutcomePage,
        Records, Request, Response, Stored, UnitStatus,
    },
    codec,
};
use tokio::{sync::oneshot, task::JoinError};

use super::Service;
use crate::{
    checkpoint,
    database::StoreError,
    executor::{ViewJob, Viewed},
    metrics::SLOTS_WAITING,
    tailing::compile,
};

/// Slots in one page of outcomes.
const PAGE_SLOTS_MAX: u32 = 1_000;
/// Items in one page of what processes wait for.
const PAGE_AGENDA_MAX: u32 = 10_000;
/// How long a view waits for the slot it wants, or for its turn: less than clients do.
const VIEW_PATIENCE: Duration = Duration::from_secs(8);

impl Service {
    pub(super) async fn answer(&self, request: Request) -> Result<Vec<u8>, Refusal> {
        match request {
            Request::Status => Ok(Response::done(&self.status())),
            Request::Records => Ok(Response::done(&Records { records: self.directory.records() })),
            Request::Accept { module, profile } => {
                self.accept(module, profile).await.map(|accepted| Response::done(&accepted))
            }
            Request::GetModule(module) => {
                self.module(module).await.map(|module| Response::done(&module))
            }
            Request::View(request) => {
                self.view(request).await.map(|answer| Response::done(&answer))
            }
            Request::Outcomes { process, from, limit } => {
                self.outcomes(process, from, limit).await.map(|page| Response::done(&page))
            }
            Request::Checkpoint { process, at } => {
                self.checkpoint(process, at).await.map(|answer| Response::done(&answer))
            }
            Request::Blobs { process: _, addresses } => {
                self.blobs(addresses).await.map(|blobs| Response::done(&blobs))
            }
            Request::Proof { process, slot } => {
                self.proof(process, slot).await.map(|proof| Response::done(&proof))
            }
            Request::Heads { scheduler, after, limit } => {
                self.heads(scheduler, after, limit).await.map(|page| Response::done(&page))
            }
            Request::Agenda { after, limit } => {
                self.agenda(after, limit).await.map(|page| Response::done(&page))
            }
            Request::ModuleOf(process) => {
                self.module_of(process).await.map(|module| Response::done(&module))
            }
            _ => Err(Refusal::new(
                RefusalCode::UnknownRequest,
                "a compute unit does not answer this; ask a scheduler or a messenger",
            )),
        }
    }

    fn status(&self) -> UnitStatus {
        let mut counters = self.metrics.snapshot();
        let waiting = u64::try_from(self.backlog.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        counters.push((SLOTS_WAITING.to_owned(), waiting));
        counters.sort_unstable();
        UnitStatus {
            unit: self.unit,
            role: Role::Compute,
            software: concat!("antiphon ", env!("CARGO_PKG_VERSION")).to_owned(),
            started: self.started,
            counters,
        }
    }

    async fn accept(&self, module: Vec<u8>, profile: ProfileId) -> Result<Acceptance, Refusal> {
        if Profile::of(&profile).is_none() {
            let detail = format!("this unit does not execute profile {profile}");
            return Err(Refusal::new(RefusalCode::UnknownProfile, detail));
        }
        let id = ModuleId::of(&module);
        if self.modules.get(&id).is_none() {
            let _turn = self.compilations.acquire().await.expect("the semaphore is never closed");
            compile(&self.modules, module).await.map_err(|error| {
                let code = match error.is_refusal() {
                    true => RefusalCode::ModuleRefused,
                    false => RefusalCode::Busy,
                };
                Refusal::new(code, error.to_string())
            })?;
        }
        Ok(Acceptance::sign(&self.key, self.network, &id, &profile))
    }

    /// The binary of a module that a log executed here names.
    async fn module(&self, module: ModuleId) -> Result<ModuleBytes, Refusal> {
        let modules = Arc::clone(&self.modules);
        let read = tokio::task::spawn_blocking(move || Ok(modules.binary(&module)));
        let missing = || {
            let detail = "this unit executes no process of the module, or cannot keep its binary";
            Refusal::new(RefusalCode::UnknownModule, detail)
        };
        let module = answered(read.await)?.ok_or_else(missing)?;
        Ok(ModuleBytes { module })
    }

    /// The module of a process that is executed here.
    async fn module_of(&self, process: ProcessId) -> Result<Stored, Refusal> {
        let not_here = || {
            let detail = "this unit does not execute the process at present";
            Refusal::new(RefusalCode::NotHosted, detail)
        };
        if self.resting.contains(&process) {
            return Err(not_here());
        }
        let executor = Arc::clone(&self.executor);
        let read = tokio::task::spawn_blocking(move || executor.module_of(&process));
        Ok(Stored { module: answered(read.await)?.ok_or_else(not_here)? })
    }

    async fn view(&self, request: ViewRequest) -> Result<Signed<ViewAnswer>, Refusal> {
        request.check().map_err(|detail| Refusal::new(RefusalCode::BadBody, detail))?;
        if self.resting.contains(&request.process) {
            let detail = "another unit of the policy executes the process at present";
            return Err(Refusal::new(RefusalCode::NotHosted, detail));
        }
        let digest = request.digest();
        let ViewRequest { process, method, args, at_least, .. } = request;
        let (answer, answered) = oneshot::channel();
        self.executor.view(&process, ViewJob { method, args, at_least, answer });
        let halted = || Refusal::new(RefusalCode::NotHosted, "the process is halted on this unit");
        let answered = tokio::time::timeout(VIEW_PATIENCE, answered).await;
        let not_yet = |_| {
            let detail = "the slot wanted is not executed yet, the module is not here yet, or too \
                much else is asked of the process; try again";
            Refusal { retry_after: Some(1_000), ..Refusal::new(RefusalCode::Busy, detail) }
        };
        let Viewed { reply, slot, chain } = answered.map_err(not_yet)?.map_err(|_| halted())??;
        if let Reply::Failure(failure) = &reply
            && failure.kind == FailureKind::NotBorn
        {
            return Err(Refusal::new(RefusalCode::ViewFailed, failure.detail.clone()));
        }
        let answer = ViewAnswer {
            version: V1,
            kind: Kind,
            network: self.network,
            unit: self.unit,
            request: digest,
            process,
            slot,
            chain,
            reply,
        };
        Ok(Signed::sign(answer, &self.key))
    }

    /// The newest checkpoint of a process, after a slot at the latest, with this unit's word.
    async fn checkpoint(
        &self,
        process: ProcessId,
        at: Option<Slot>,
    ) -> Result<CheckpointAnswer, Refusal> {
        let store = Arc::clone(&self.checkpoints);
        let latest = at.unwrap_or(Slot::new(u64::MAX));
        let read = tokio::task::spawn_blocking(move || {
            let Some(checkpoint) = store.newest(&process, latest)? else { return Ok(None) };
            let root = checkpoint::state_root(&*store, &checkpoint)?;
            Ok::<_, StoreError>(Some((checkpoint, root)))
        });
        let (checkpoint, state_root) = answered(read.await)?.ok_or_else(|| {
            Refusal::new(RefusalCode::NotFound, "there is no checkpoint of the process so early")
        })?;
        let bytes = codec::encode(&checkpoint);
        let statement = StateStatement {
            version: V1,
            kind: Kind,
            network: self.network,
            unit: self.unit,
            process,
            position: checkpoint.position,
            previous: checkpoint.previous,
            state_root,
            checkpoint: Hash::of_blob(&bytes),
        };
        let statement = Signed::sign(statement, &self.key);
        Ok(CheckpointAnswer { statement, checkpoint: bytes })
    }

    /// Parts of checkpoints by their names.
    async fn blobs(&self, addresses: Vec<Hash>) -> Result<Blobs, Refusal> {
        if addresses.len() > BLOBS_MAX {
            let detail = format!("at most {BLOBS_MAX} blobs are given at once");
            return Err(Refusal::new(RefusalCode::BadBody, detail));
        }
        let store = Arc::clone(&self.checkpoints);
        let read = tokio::task::spawn_blocking(move || {
            let mut blobs = Vec::with_capacity(addresses.len());
            for address in &addresses {
                let Some(blob) = store.find(address)? else { return Ok(None) };
                blobs.push(blob.into());
            }
            Ok::<_, StoreError>(Some(Blobs { blobs }))
        });
        let missing = || {
            let detail = "a part of the checkpoint is no longer here: ask for the newest one";
            Refusal::new(RefusalCode::NotFound, detail)
        };
        answered(read.await)?.ok_or_else(missing)
    }

    async fn agenda(&self, after: Option<AgendaKey>, limit: u32) -> Result<AgendaPage, Refusal> {
        let published = self.published.clone();
        let limit = usize::try_from(limit.min(PAGE_AGENDA_MAX)).unwrap_or(usize::MAX);
        answered(tokio::task::spawn_blocking(move || published.agenda(after, limit)).await)
    }

    async fn outcomes(
        &self,
        process: ProcessId,
        from: Slot,
        limit: u32,
    ) -> Result<OutcomePage, Refusal> {
        let published = self.published.clone();
        let limit = usize::try_from(limit.min(PAGE_SLOTS_MAX)).unwrap_or(usize::MAX);
        let read = tokio::task::spawn_blocking(move || published.page(&process, from, limit));
        answered(read.await)
    }
}

/// What a thread read from the disk.
pub(super) fn answered<T>(read: Result<Result<T, StoreError>, JoinError>) -> Result<T, Refusal> {
    match read {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(Refusal::new(RefusalCode::StorageFailed, error.to_string())),
        Err(_) => Err(Refusal::new(RefusalCode::Stopping, "the unit is stopping")),
    }
}
