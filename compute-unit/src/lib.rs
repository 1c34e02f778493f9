//! The compute unit: executes logs slot by slot, deterministically.

mod engine;
mod instance;
mod module;
mod prepare;

pub use engine::{CompileError, Engine, THREAD_STACK_BYTES};
pub use instance::{
    Executed, Export, Fault, GenesisError, GlobalValue, HostFault, Instance, PAGE_BYTES, StateImage,
};
pub use module::{CompiledModule, Modules};
pub use prepare::{
    GlobalKind, MutableGlobal, PREPARATION_VERSION, PrepareError, Prepared, Segment, limits,
    prepare,
};

#[cfg(test)]
mod fixture;
