//! Who a process is, and the module it executes: what any replay begins with.

use std::sync::Arc;

use antiphon_client::{Client, Described};
use compute_unit::{CompiledModule, Engine, HostFault, Replay, THREAD_STACK_BYTES};
use protocol::{ProcessId, Profile, UnitId};
use tokio::{runtime::Handle, sync::oneshot};

use crate::error::NodeError;

/// A process that can be replayed.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) client: Client,
    pub(crate) process: ProcessId,
    pub(crate) described: Arc<Described>,
    pub(crate) module: Arc<CompiledModule>,
}

impl Subject {
    /// Reads who the process is from its spawn, whose digest is its id, takes its module from
    /// anybody who has the bytes of that digest, and compiles it.
    pub(crate) async fn open(client: &Client, process: ProcessId) -> Result<Arc<Self>, NodeError> {
        let described = client.describe(process).await?;
        let profile = described.spawn.profile;
        if Profile::of(&profile).is_none() {
            return Err(NodeError::System(format!(
                "the process has profile {profile}, which this program does not execute: use a newer one"
            )));
        }
        let wasm = client.module(described.spawn.module).await?;
        let compiled = tokio::task::spawn_blocking(move || Engine::new()?.compile(&wasm)).await;
        let module = compiled.map_err(NodeError::system)?.map_err(|error| match error {
            error if error.is_refusal() => {
                NodeError::Verification(format!("the module breaks the profile: {error}"))
            }
            error => NodeError::system(error),
        })?;
        Ok(Arc::new(Self { client: client.clone(), process, described, module }))
    }

    /// The process before its first slot.
    pub(super) fn unborn(&self) -> Result<Replay, HostFault> {
        Replay::new(self.process, self.described.spawn.clone(), &self.module)
    }

    /// The units of the policy that are known, first the one that executes the process if all are up.
    pub(super) fn units(&self) -> Vec<UnitId> {
        let mut units = self.described.source.policy().ranked(&self.process);
        units.retain(|unit| self.client.directory().record(unit).is_some());
        units
    }
}

/// Does work on a thread whose stack is large enough to execute actors.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce(&Handle) -> T + Send + 'static,
) -> Result<T, NodeError> {
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("replay".to_owned())
        .stack_size(THREAD_STACK_BYTES)
        // Whoever waited may be gone.
        .spawn(move || drop(sender.send(work(&runtime))))
        .map_err(NodeError::system)?;
    receiver.await.map_err(|_| NodeError::System("the replay ended without a result".to_owned()))
}
