//! Gets the modules that logs name from the schedulers of these logs.

use std::{sync::Arc, time::Duration};

use protocol::{
    ModuleId, Role, UnitId,
    api::{ModuleBytes, Request},
};
use transport::{Directory, Peers};

use crate::{
    engine::CompileError,
    module::{CompiledModule, Modules},
};

/// How long to wait before a module that could not be had is asked for again: at first, and at the
/// longest.
const MODULE_RETRY: Duration = Duration::from_secs(1);
const MODULE_RETRY_MAX: Duration = Duration::from_secs(30);
/// How long a process waits for the binary of a module that is compiled already.
const BINARY_TIME: Duration = Duration::from_secs(2);

/// Finds a module on this unit's disk, or gets it from a scheduler, first from the one that must have
/// it, and compiles it, for as long as it takes: the log names it, so it exists. Its binary is kept, or could not be had. Fails only if it
/// is no module that a unit could run.
pub(super) async fn fetch(
    peers: &Peers,
    modules: &Arc<Modules>,
    (directory, scheduler): (&Directory, UnitId),
    id: ModuleId,
) -> Result<Arc<CompiledModule>, CompileError> {
    let known = Arc::clone(modules);
    if let Ok(Some(found)) = tokio::task::spawn_blocking(move || known.find(&id)).await {
        if found.is_ok() && !modules.has_binary(&id) {
            fetch_binary(peers, modules, scheduler, id).await;
        }
        return found;
    }
    let mut pause = MODULE_RETRY;
    loop {
        // The log may have gone over to another scheduler since, with all its modules.
        let mut schedulers = directory.units(Role::Scheduler);
        schedulers.retain(|other| *other != scheduler);
        schedulers.insert(0, scheduler);
        for scheduler in schedulers {
            let Some(wasm) = get_module(peers, scheduler, id, Peers::DEADLINE).await else {
                continue;
            };
            match keep_and_compile(modules, wasm).await {
                Ok(module) => return Ok(module),
                Err(error) if error.is_refusal() => return Err(error),
                Err(error) => tracing::error!(module = %id, %error, "cannot compile"),
            }
            break;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(MODULE_RETRY_MAX);
    }
}

/// Gets the binary of a module that is compiled here already, if the scheduler is there.
async fn fetch_binary(peers: &Peers, modules: &Arc<Modules>, scheduler: UnitId, id: ModuleId) {
    let wasm = get_module(peers, scheduler, id, BINARY_TIME).await;
    let modules = Arc::clone(modules);
    let kept = tokio::task::spawn_blocking(move || match wasm {
        Some(wasm) => modules.keep_binary(&wasm),
        None => modules.go_without_binary(id),
    });
    if let Err(error) = kept.await {
        tracing::error!(module = %id, %error, "cannot keep a binary");
    }
}

/// Asks a scheduler for a module.
async fn get_module(
    peers: &Peers,
    scheduler: UnitId,
    id: ModuleId,
    limit: Duration,
) -> Option<Vec<u8>> {
    match peers.ask_within::<ModuleBytes>(scheduler, &Request::GetModule(id), limit).await {
        Ok(bytes) if ModuleId::of(&bytes.module) == id => return Some(bytes.module),
        Ok(_) => tracing::error!(module = %id, %scheduler, "got another module"),
        Err(error) => tracing::warn!(module = %id, %scheduler, %error, "cannot get a module"),
    }
    None
}

/// Compiles a module that a log names, and keeps its binary, off the event loop.
async fn keep_and_compile(
    modules: &Arc<Modules>,
    wasm: Vec<u8>,
) -> Result<Arc<CompiledModule>, CompileError> {
    let modules = Arc::clone(modules);
    let work = move || {
        modules.keep_binary(&wasm);
        modules.compile(&wasm)
    };
    let compiled = tokio::task::spawn_blocking(work).await;
    compiled.unwrap_or_else(|error| Err(CompileError::Engine { detail: error.to_string() }))
}

/// Compiles a module off the event loop.
pub(crate) async fn compile(
    modules: &Arc<Modules>,
    wasm: Vec<u8>,
) -> Result<Arc<CompiledModule>, CompileError> {
    let modules = Arc::clone(modules);
    let compiled = tokio::task::spawn_blocking(move || modules.compile(&wasm)).await;
    compiled.unwrap_or_else(|error| Err(CompileError::Engine { detail: error.to_string() }))
}
