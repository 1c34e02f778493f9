//! Who a process is, and the module it executes: what any replay begins with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use antiphon_client::{Client, Described};
use compute_unit::{
    CompileError, CompiledModule, Engine, HostFault, Replay, Successor, THREAD_STACK_BYTES,
};
use protocol::{Entry, ModuleId, ProcessId, Profile, UnitId};
use tokio::{runtime::Handle, sync::oneshot};

use crate::error::NodeError;

/// A process that can be replayed.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) client: Client,
    pub(crate) process: ProcessId,
    pub(crate) described: Arc<Described>,
    /// The module it was spawned with.
    module: Arc<CompiledModule>,
    engine: Engine,
    /// What upgrades have brought so far.
    successors: Mutex<HashMap<ModuleId, Successor>>,
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
        let compile = move || {
            let engine = Engine::new()?;
            Ok::<_, CompileError>((engine.compile(&wasm)?, engine))
        };
        let compiled = tokio::task::spawn_blocking(compile).await;
        let (module, engine) =
            compiled.map_err(NodeError::system)?.map_err(|error| match error {
                error if error.is_refusal() => {
                    NodeError::Verification(format!("the module breaks the profile: {error}"))
                }
                error => NodeError::system(error),
            })?;
        let client = client.clone();
        let successors = Mutex::default();
        Ok(Arc::new(Self { client, process, described, module, engine, successors }))
    }

    /// What an entry needs to be executed next, if it is an upgrade. For threads that are none of the
    /// runtime's.
    pub(super) fn successor(
        &self,
        replay: &Replay,
        entry: &Entry,
        runtime: &Handle,
    ) -> Result<Option<Successor>, NodeError> {
        replay.upgrade_of(entry).map(|module| self.find(module, runtime)).transpose()
    }

    /// The module that made the state of a checkpoint. For threads that are none of the runtime's.
    pub(super) fn module(
        &self,
        upgraded: Option<ModuleId>,
        runtime: &Handle,
    ) -> Result<Arc<CompiledModule>, NodeError> {
        match upgraded.map(|module| self.find(module, runtime)).transpose()? {
            None => Ok(Arc::clone(&self.module)),
            Some(Successor::Ready(module)) => Ok(module),
            Some(Successor::Unfit) => {
                Err(NodeError::Verification("its module breaks the profile".to_owned()))
            }
        }
    }

    /// Takes a module from anybody who has the bytes of that digest, and compiles it.
    fn find(&self, module: ModuleId, runtime: &Handle) -> Result<Successor, NodeError> {
        if module == self.module.id() {
            return Ok(Successor::Ready(Arc::clone(&self.module)));
        }
        // Entries are put whole.
        let known = || self.successors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(successor) = known().get(&module) {
            return Ok(successor.clone());
        }
        let wasm = runtime.block_on(self.client.module(module))?;
        let successor = match self.engine.compile(&wasm) {
            Ok(module) => Successor::Ready(module),
            Err(error) if error.is_refusal() => Successor::Unfit,
            Err(error) => return Err(NodeError::system(error)),
        };
        known().insert(module, successor.clone());
        Ok(successor)
    }

    /// The process before its first slot.
    pub(super) fn unborn(&self) -> Result<Replay, HostFault> {
        Replay::new(self.process, self.described.spawn.clone(), &self.module)
    }

    /// The process before its first slot, if it had been spawned with another module.
    pub(super) fn born_with(&self, module: &Arc<CompiledModule>) -> Result<Replay, HostFault> {
        Replay::new(self.process, self.described.spawn.clone(), module)
    }

    /// Compiles a module that no log names.
    pub(super) async fn compile(&self, wasm: Vec<u8>) -> Result<Arc<CompiledModule>, NodeError> {
        let engine = self.engine.clone();
        let compiled = tokio::task::spawn_blocking(move || engine.compile(&wasm)).await;
        compiled.map_err(NodeError::system)?.map_err(|error| match error {
            error if error.is_refusal() => {
                NodeError::Usage(format!("units would refuse the module: {error}"))
            }
            error => NodeError::system(error),
        })
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
