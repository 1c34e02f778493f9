//! A scheduler that serves what it is told to, whatever it may be.

use std::collections::BTreeMap;

use protocol::{
    Provenance,
    api::{ModuleBytes, TailFrame, TailReport},
};
use tokio::sync::mpsc;

use super::*;

/// What a scheduler says.
#[derive(Debug)]
struct Says {
    wasm: Vec<u8>,
    /// The frames of all its logs, in order; more may come.
    frames: watch::Sender<Vec<TailFrame>>,
    provenances: Mutex<BTreeMap<ProcessId, Provenance>>,
    reports: mpsc::Sender<TailReport>,
}

/// A scheduler on a free port.
#[derive(Debug)]
pub(super) struct Fake {
    says: Arc<Says>,
    reports: mpsc::Receiver<TailReport>,
    endpoint: Endpoint,
    serving: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub(super) fn start(key: &SecretKey, directory: &Directory, wasm: &[u8]) -> Self {
        let endpoint = listen(key);
        announce(directory, key, Role::Scheduler, &endpoint);
        let (sender, reports) = mpsc::channel(1_000);
        let says = Arc::new(Says {
            wasm: wasm.to_vec(),
            frames: watch::Sender::default(),
            provenances: Mutex::default(),
            reports: sender,
        });
        let handler = Arc::new(Answers(Arc::clone(&says)));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(endpoint.clone(), handler, stop));
        Self { says, reports, endpoint, serving }
    }

    /// Sends frames to whoever tails, now or later.
    pub(super) fn send(&self, frames: &[TailFrame]) {
        self.says.frames.send_modify(|all| all.extend_from_slice(frames));
    }

    /// Answers who a process is.
    pub(super) fn describe(&self, process: ProcessId, provenance: Provenance) {
        self.says.provenances.lock().unwrap().insert(process, provenance);
    }

    /// Waits for a report of which something holds.
    pub(super) async fn report(&mut self, is_it: impl Fn(&TailReport) -> bool) -> TailReport {
        loop {
            let report = self.reports.recv().await.expect("the unit goes on to report");
            if is_it(&report) {
                return report;
            }
        }
    }

    /// Waits until a process is executed up to before a slot.
    pub(super) async fn executed(&mut self, process: ProcessId, next: u64) {
        let cursor = Cursor { process, slot: Slot::new(next) };
        self.report(|report| report.executed.contains(&cursor)).await;
    }

    pub(super) async fn stop(self) {
        self.serving.abort();
        self.endpoint.close().await;
    }
}

struct Answers(Arc<Says>);

impl Handler for Answers {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let missing = || Response::refused(Refusal::new(RefusalCode::NotFound, "not here"));
        Bytes::from(match codec::decode(&body).unwrap() {
            Request::GetModule(_) => Response::done(&ModuleBytes { module: self.0.wasm.clone() }),
            Request::Describe(process) => {
                let provenances = self.0.provenances.lock().unwrap();
                provenances.get(&process).map_or_else(missing, Response::done)
            }
            _ => missing(),
        })
    }

    async fn stream(
        &self,
        _: UnitId,
        opening: Bytes,
        mut to: FrameSender,
        mut from: FrameReceiver,
    ) {
        let Ok(Opening::Tail { cursors, .. }) = codec::decode(&opening) else { return };
        let wanted: BTreeMap<_, _> = cursors.iter().map(|c| (c.process, c.slot)).collect();
        let mut changed = self.0.frames.subscribe();
        let mut sent = 0;
        loop {
            let frames: Vec<TailFrame> =
                changed.borrow_and_update().iter().skip(sent).cloned().collect();
            // What it begins with is of the log that the cursors are of; later all is new.
            let begins = sent == 0;
            sent += frames.len();
            for mut frame in frames {
                frame.records.retain(|record| {
                    let from = wanted.get(&record.assignment.process);
                    !begins || from.is_none_or(|from| record.assignment.slot >= *from)
                });
                if !frame.records.is_empty() && to.send(&codec::encode(&frame)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                more = changed.changed() => if more.is_err() { return },
                report = from.recv() => match report {
                    Ok(Some(report)) => {
                        let report = codec::decode(&report).unwrap();
                        let _ = self.0.reports.send(report).await;
                    }
                    _ => return,
                },
            }
        }
    }
}
