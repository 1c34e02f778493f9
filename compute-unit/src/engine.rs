//! The one constructor of the Wasm engine.
//!
//! Everything that could make two machines differ is decided here or in the preparation: the
//! engine's own defaults, which change between releases, decide nothing.

use std::{hash::Hash as _, sync::Arc};

use wasmtime::{Config, OptLevel, WasmFeatures};

#[cfg(target_os = "linux")]
use crate::memory::Creator;
use crate::{
    memory::{Budget, Tracking},
    module::CompiledModule,
    prepare::{PREPARATION_VERSION, PrepareError, limits::DEPTH_LIMIT, profile_features},
};

/// Bytes of native stack for one byte of weighted depth. The frames that the tests of this module
/// build to be as large as they can take less than half a byte on x86-64, optimised or not; the
/// rest is room for other engines and processors.
const STACK_PER_WEIGHT: usize = 8;
/// Native stack that Wasm may use: the weighted depth always ends a recursion before this does.
const WASM_STACK_BYTES: usize = DEPTH_LIMIT as usize * STACK_PER_WEIGHT;
/// Native stack for the host below and above the Wasm frames.
const HOST_STACK_BYTES: usize = 16 << 20;

/// The stack a thread needs to execute actors, in bytes. Only what is touched takes memory.
///
/// Executing on a thread with less may abort the program.
pub const THREAD_STACK_BYTES: usize = WASM_STACK_BYTES + HOST_STACK_BYTES;

/// Address space reserved for each memory. As no memory can outgrow it, none ever moves and
/// bounds are checked by the processor. A 47-bit address space holds about 30,000 such memories.
const MEMORY_RESERVATION: u64 = 4 << 30;
const MEMORY_GUARD: u64 = 32 << 20;

/// Compiles prepared modules. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    tracking: Tracking,
    budget: Arc<Budget>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Why a module was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The module breaks the profile: every unit refuses it.
    #[error(transparent)]
    Refused(#[from] PrepareError),
    /// The module was refused before, and this is what was said then.
    #[error("{detail}")]
    RefusedBefore {
        /// The words of the [`PrepareError`].
        detail: String,
    },
    /// This unit's engine failed. Says nothing about the module.
    #[error("the engine of this unit failed: {detail}")]
    Engine {
        /// The engine's words, for the operator; never part of an outcome.
        detail: String,
    },
}

impl CompileError {
    /// Whether it is the module's fault, on every unit.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::RefusedBefore { .. })
    }

    pub(crate) fn engine(error: &wasmtime::Error) -> Self {
        Self::Engine { detail: format!("{error:#}") }
    }
}

impl Engine {
    /// Makes the engine of the profile.
    ///
    /// # Errors
    ///
    /// When the machine lacks what the engine needs.
    pub fn new() -> Result<Self, CompileError> {
        Self::with(OptLevel::Speed, Tracking::best())
    }

    /// Makes an engine that differs only in how it compiles, which no outcome may show.
    #[cfg(test)]
    pub(crate) fn with_opt_level(opt_level: OptLevel) -> Result<Self, CompileError> {
        Self::with(opt_level, Tracking::best())
    }

    /// Makes an engine that differs only in how it compiles and in how its instances know what a
    /// message touched, which no outcome may show.
    pub(crate) fn with(opt_level: OptLevel, tracking: Tracking) -> Result<Self, CompileError> {
        Self::adjusted(tracking, |config| {
            config.cranelift_opt_level(opt_level);
        })
    }

    /// Makes an engine that differs from that of the profile as said.
    pub(crate) fn adjusted(
        tracking: Tracking,
        adjust: impl FnOnce(&mut Config),
    ) -> Result<Self, CompileError> {
        let mut config = Config::new();
        config
            .wasm_features(profile_features(), true)
            .wasm_features(WasmFeatures::all().difference(profile_features()), false)
            .gc_support(false)
            .shared_memory(false)
            .cranelift_nan_canonicalization(true)
            // Keeps what is hardly ever executed out of the way of the rest; decides no result.
            .wasm_branch_hinting(true)
            // Interruption and metering are instrumented: neither of these is reproducible.
            .consume_fuel(false)
            .epoch_interruption(false)
            .max_wasm_stack(WASM_STACK_BYTES)
            .async_stack_size(WASM_STACK_BYTES)
            // No error text enters an outcome, so nothing is kept to make any.
            .wasm_backtrace_max_frames(None)
            .native_unwind_info(false)
            .generate_address_map(false)
            .signals_based_traps(true)
            // The genesis image is written by the unit: modules have no active data.
            .memory_init_cow(false)
            .memory_reservation(MEMORY_RESERVATION)
            .memory_guard_size(MEMORY_GUARD)
            .guard_before_linear_memory(true)
            .memory_may_move(false);
        #[cfg(target_os = "linux")]
        if tracking == Tracking::Mapped {
            config.with_host_memory(Arc::new(Creator));
        }
        adjust(&mut config);
        let inner = wasmtime::Engine::new(&config).map_err(|error| CompileError::engine(&error))?;
        let budget = Arc::new(Budget::of(usize::MAX));
        Ok(Self { inner, tracking, budget })
    }

    /// Lets all instances of modules that are compiled from now on have so many bytes of memory
    /// together. A call that would need more is a fault of this unit.
    pub(crate) fn with_memory(mut self, bytes: usize) -> Self {
        self.budget = Arc::new(Budget::of(bytes));
        self
    }

    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Prepares and compiles a module, which takes milliseconds to seconds.
    ///
    /// # Errors
    ///
    /// Why the module is refused, or that this unit's engine failed.
    pub fn compile(&self, wasm: &[u8]) -> Result<Arc<CompiledModule>, CompileError> {
        CompiledModule::compile(self, wasm).map(Arc::new)
    }

    pub(crate) const fn tracking(&self) -> Tracking {
        self.tracking
    }

    /// A digest that engines share which can run each other's machine code: of the engine's version
    /// and settings, the processor's abilities, and the version of the preparation.
    pub(crate) fn compatibility(&self) -> [u8; 32] {
        let mut digest = Digest(blake3::Hasher::new_derive_key("antiphon v1 engine"));
        self.inner.precompile_compatibility_hash().hash(&mut digest);
        PREPARATION_VERSION.hash(&mut digest);
        env!("CARGO_PKG_VERSION").hash(&mut digest);
        *digest.0.finalize().as_bytes()
    }

    pub(crate) const fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

/// Takes what hashes itself, into a digest that is long enough to be a name.
struct Digest(blake3::Hasher);

impl std::hash::Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finalize().as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests;
