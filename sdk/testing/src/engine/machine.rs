//! The machine of all stages in this program: what one has compiled, the others need not.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use compute_unit::{CompileError, CompiledModule, Engine};
use protocol::ModuleId;

/// How many compiled modules are kept.
const KEPT_MAX: usize = 64;

/// The machine and what it has compiled.
struct Machine {
    engine: Engine,
    compiled: Mutex<BTreeMap<ModuleId, Arc<CompiledModule>>>,
}

static MACHINE: LazyLock<Machine> = LazyLock::new(|| Machine {
    engine: Engine::new().expect("this machine runs Wasm"),
    compiled: Mutex::default(),
});

/// Compiles a module, unless that was done before.
///
/// # Errors
///
/// Why a compute unit does not accept it.
pub(super) fn compile(wasm: &[u8]) -> Result<Arc<CompiledModule>, CompileError> {
    let id = ModuleId::of(wasm);
    // Held while compiling, so that tests that begin at once do not all do the same. What it guards
    // is whole at any time.
    let mut compiled = MACHINE.compiled.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = compiled.get(&id) {
        return Ok(Arc::clone(module));
    }
    let module = MACHINE.engine.compile(wasm)?;
    if compiled.len() < KEPT_MAX {
        compiled.insert(id, Arc::clone(&module));
    }
    Ok(module)
}
