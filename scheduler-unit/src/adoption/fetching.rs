//! Fetches a log from other units, frame by frame: each is verified and durable before the next.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    Control, ControlAction, EntryId, Hash, ModuleId, ProcessId, Provenance, PublicKey, Refusal,
    RefusalCode, Role, Signature, Signed, Slot, Source, UnitId,
    api::{ModuleBytes, Opening, Request, TailFrame},
    codec,
};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant, timeout},
};
use transport::FrameReceiver;

use super::{
    DESCRIBE_TIME, bad_handover,
    reader::{Knowledge, Read, ReadError, Reader},
};
use crate::{
    sequencer::Import,
    shard::Shards,
    unit::Unit,
    verify::{Origins, refuse_storage},
};

/// How long a unit may take to send the next frame.
const FRAME_TIME: Duration = Duration::from_secs(10);

/// How often a frame is read again, each time after one more process was described.
const DESCRIBED_MAX: usize = 256;

/// What this unit knows.
struct Known<'a> {
    shards: &'a Shards,
    origins: &'a Origins,
}

impl Knowledge for Known<'_> {
    fn source(&self, process: &ProcessId) -> Option<Arc<Source>> {
        self.origins.source(process).ok().flatten()
    }

    fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
        self.origins.holds(key, digest, signature)
    }

    fn is_refused(&self, process: &ProcessId, entry: &EntryId) -> bool {
        self.shards.archive(process).is_refused(entry).unwrap_or(false)
    }
}

impl Unit {
    /// Fetches what is missing of a log, from one unit after the other, until there is nothing more or
    /// the time is up.
    ///
    /// # Errors
    ///
    /// What is wrong with the last unit, if none gave all it has.
    pub(super) async fn fetch_log(
        self: &Arc<Self>,
        control: &Signed<Control>,
        candidates: &[UnitId],
        until: Instant,
    ) -> Result<(), Refusal> {
        let detail = "none of the units that may have the log can be reached";
        let mut result = Err(Refusal::new(RefusalCode::Unreachable, detail));
        for unit in candidates.iter().filter(|unit| **unit != self.id) {
            let process = control.unverified().target;
            let fetched = self.fetch_from(*unit, control, candidates, until).await;
            match fetched {
                Ok(()) => result = Ok(()),
                Err(refusal) => {
                    tracing::warn!(%process, %unit, %refusal, "a log cannot be fetched");
                    result = result.or(Err(refusal));
                }
            }
            if self.adopted(&process).is_some() || Instant::now() >= until {
                break;
            }
        }
        result
    }

    async fn fetch_from(
        self: &Arc<Self>,
        unit: UnitId,
        control: &Signed<Control>,
        candidates: &[UnitId],
        until: Instant,
    ) -> Result<(), Refusal> {
        let control = control.unverified();
        let mut reader = self.reader(control);
        if reader.is_done() {
            return Ok(());
        }
        let mut receiver = self.open_log(unit, control.target, reader.next()).await?;
        while let Some(frame) = next_frame(&mut receiver).await? {
            let (read, ahead) = self.read_log(reader, frame, candidates).await?;
            reader = ahead;
            if let Some(read) = read {
                self.fetch_modules(&read.modules, unit, candidates).await?;
                self.import(control.target, read).await?;
            }
            if reader.is_done() || Instant::now() >= until {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A reader that goes on where the log ends here.
    fn reader(&self, control: &Control) -> Reader {
        let process = control.target;
        let known = self.shards.archive(&process).board.process(&process);
        let known = known.map(|known| (Source::clone(&known.standing.source), known.head));
        let last = match control.action {
            ControlAction::Takeover { slot, .. } => Some(slot),
            _ => None,
        };
        Reader::new(self.network, process, known, last)
    }

    async fn open_log(
        &self,
        unit: UnitId,
        process: ProcessId,
        from: Slot,
    ) -> Result<FrameReceiver, Refusal> {
        let lost = |error: transport::Error| {
            Refusal::new(RefusalCode::Unreachable, format!("{unit}: {error}"))
        };
        let peer = self.adoptions.peers().peer(unit);
        let connection = peer.connection_within(DESCRIBE_TIME).await.map_err(lost)?;
        let opening = codec::encode(&Opening::Log { process, from });
        let (sender, receiver) = connection.open_stream(&opening).await.map_err(lost)?;
        // There is nothing more to say.
        sender.finish().await.map_err(lost)?;
        Ok(receiver)
    }

    /// Reads a frame away from the threads that serve the network; asks who sources are as they turn up.
    async fn read_log(
        self: &Arc<Self>,
        mut reader: Reader,
        frame: Bytes,
        candidates: &[UnitId],
    ) -> Result<(Option<Read>, Reader), Refusal> {
        let mut described = None;
        for _ in 0..DESCRIBED_MAX {
            let frame = frame.clone();
            let read = self.read(move |unit| {
                let known = Known { shards: &unit.shards, origins: &unit.verifier.origins };
                let read = reader.read(&frame, &known);
                Ok((read, reader))
            });
            let (read, ahead) = read.await?;
            reader = ahead;
            match read {
                Ok(read) => return Ok((read, reader)),
                Err(ReadError::Unknown(source)) if described != Some(source) => {
                    if let Some(provenance) = self.describe(&source, candidates).await {
                        self.verifier.origins.meet(&source, &provenance);
                    }
                    described = Some(source);
                }
                Err(error @ ReadError::Unknown(_)) => {
                    let detail = error.to_string();
                    return Err(Refusal::new(RefusalCode::IntroductionNeeded, detail));
                }
                Err(error @ ReadError::Wrong(_)) => return Err(bad_handover(error.to_string())),
            }
        }
        Err(Refusal::new(RefusalCode::IntroductionNeeded, "too many sources are not known here"))
    }

    /// Stores the modules that are not here yet; asks the unit that gave the log first.
    async fn fetch_modules(
        self: &Arc<Self>,
        modules: &[ModuleId],
        giver: UnitId,
        candidates: &[UnitId],
    ) -> Result<(), Refusal> {
        for module in modules.iter().filter(|module| !self.shards.modules.contains(module)) {
            let wasm = self.fetch_module(module, giver, candidates).await?;
            self.read(move |unit| unit.shards.modules.put(&wasm).map_err(refuse_storage)).await?;
        }
        Ok(())
    }

    async fn fetch_module(
        &self,
        module: &ModuleId,
        giver: UnitId,
        candidates: &[UnitId],
    ) -> Result<Vec<u8>, Refusal> {
        let others = self.directory.units(Role::Scheduler);
        let others = others.iter().filter(|unit| !candidates.contains(unit));
        let others = candidates.iter().chain(others).filter(|unit| **unit != giver);
        for unit in std::iter::once(&giver).chain(others).filter(|unit| **unit != self.id) {
            let request = Request::GetModule(*module);
            match self.adoptions.peers().ask::<ModuleBytes>(*unit, &request).await {
                Ok(bytes) if ModuleId::of(&bytes.module) == *module => return Ok(bytes.module),
                Ok(_) => tracing::warn!(%unit, %module, "a unit gave another module"),
                Err(error) => tracing::debug!(%unit, %module, %error, "no module"),
            }
        }
        let detail = format!("nobody who can be reached has module {module}; store it here");
        Err(Refusal::new(RefusalCode::UnknownModule, detail))
    }

    /// Has what was read appended; returns when it is durable.
    async fn import(&self, process: ProcessId, read: Read) -> Result<Slot, Refusal> {
        let Read { segment, slots, refusals, .. } = read;
        let (reply, imported) = oneshot::channel();
        let import = Import { process, segment, slots, refusals, reply };
        self.shards.of(&process).inbox.put_import(import);
        imported.await.map_err(|_| Refusal::new(RefusalCode::Stopping, "the unit is stopping"))?
    }

    /// Who a process was at its birth, by the first frame of its log: for those whose scheduler is lost.
    pub(super) async fn peek(&self, process: &ProcessId, from: &[UnitId]) -> Option<Provenance> {
        for unit in from {
            let Ok(mut receiver) = self.open_log(*unit, *process, Slot::ZERO).await else {
                continue;
            };
            let Ok(Some(frame)) = next_frame(&mut receiver).await else { continue };
            let Ok(frame) = codec::decode::<TailFrame>(&frame) else { continue };
            let first = frame.records.first();
            let Some(spawn) = first.and_then(super::reader::spawn_bytes) else { continue };
            let provenance = Provenance { spawn, changes: Vec::new() };
            if provenance.source(process, self.network).is_ok() {
                return Some(provenance);
            }
        }
        None
    }
}

async fn next_frame(receiver: &mut FrameReceiver) -> Result<Option<Bytes>, Refusal> {
    let received = timeout(FRAME_TIME, receiver.recv()).await;
    let received = received.map_err(|_| "the next part of the log does not come".to_owned());
    let received = received.and_then(|frame| frame.map_err(|error| error.to_string()));
    received.map_err(|detail| Refusal::new(RefusalCode::Unreachable, detail))
}
