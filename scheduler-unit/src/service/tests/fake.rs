//! A compute unit that executes nothing and says what it is told to.

use std::sync::Mutex;

use bytes::Bytes;
use protocol::{
    Role, SecretKey, Slot, UnitId,
    api::{ExecutedHead, HeadPage},
};
use transport::{FrameReceiver, FrameSender, Handler};

use super::*;

/// What a unit says.
#[derive(Debug, Default)]
pub(super) struct Says {
    /// The frames of the log of one process.
    pub(super) log: Vec<TailFrame>,
    /// What it has executed.
    pub(super) heads: Vec<ExecutedHead>,
    /// The slots that it was given.
    pub(super) proofs: Vec<AssignmentProof>,
}

/// A unit on a free port.
#[derive(Debug)]
pub(super) struct Fake {
    pub(super) says: Arc<Mutex<Says>>,
    endpoint: Endpoint,
    serving: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub(super) fn start(key: &SecretKey, directory: &Directory) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::bind(key, NETWORK, address, Bounds::default()).unwrap();
        announce(directory, key, Role::Compute, &endpoint);
        let says = Arc::<Mutex<Says>>::default();
        let handler = Arc::new(Answers(Arc::clone(&says)));
        let stop = tokio_util::sync::CancellationToken::new();
        let serving = tokio::spawn(transport::serve(endpoint.clone(), handler, stop));
        Self { says, endpoint, serving }
    }

    pub(super) async fn stop(self) {
        self.serving.abort();
        self.endpoint.close().await;
    }
}

struct Answers(Arc<Mutex<Says>>);

impl Handler for Answers {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let says = self.0.lock().unwrap();
        Bytes::from(match codec::decode(&body).unwrap() {
            Request::Heads { .. } => {
                Response::done(&HeadPage { heads: says.heads.clone(), more: false })
            }
            Request::Proof { process, slot } => {
                let is_it = |proof: &&AssignmentProof| {
                    proof.assignment.process == process && proof.assignment.slot == slot
                };
                match says.proofs.iter().find(is_it) {
                    Some(proof) => Response::done(proof),
                    None => Response::refused(Refusal::new(RefusalCode::NotFound, "not here")),
                }
            }
            Request::GetModule(_) => Response::done(&ModuleBytes { module: WASM.to_vec() }),
            _ => Response::refused(Refusal::new(RefusalCode::UnknownRequest, "a fake")),
        })
    }

    async fn stream(&self, _: UnitId, opening: Bytes, mut to: FrameSender, _: FrameReceiver) {
        let Ok(Opening::Log { from, .. }) = codec::decode(&opening) else { return };
        let frames: Vec<_> = self
            .0
            .lock()
            .unwrap()
            .log
            .iter()
            .filter_map(|frame| {
                let mut frame = frame.clone();
                frame.records.retain(|record| record.assignment.slot >= from);
                let news =
                    !frame.records.is_empty() || (from == Slot::ZERO && frame.refusals.is_some());
                news.then(|| codec::encode(&frame))
            })
            .collect();
        for frame in frames {
            if to.send(&frame).await.is_err() {
                return;
            }
        }
        let _ = to.finish().await;
    }
}
