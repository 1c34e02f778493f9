//! The preparation of a module: what every unit does to the same bytes before it runs them.
//!
//! Preparation validates a module under the profile's features and limits, checks the guest
//! contract, and rewrites the module so that its outcomes do not depend on the engine: it counts
//! gas, bounds the depth of calls, exports every mutable global and takes the active data out into
//! the memory a process is born with.
//!
//! # Invariants
//!
//! - Pure: equal bytes give equal results, on every machine.
//! - What comes out is valid under the same features, and behaves like what came in, except that
//!   it may run out of gas or depth. It imports one function, which shows in no outcome.
//! - No input makes it panic.

mod assemble;
mod blocks;
mod check;
mod cost;
mod error;
mod exports;
mod features;
mod imports;
mod instrument;
pub mod limits;
mod segments;

pub use error::PrepareError;
pub use segments::Segment;

pub(crate) use exports::{DEPTH, GAS};
pub(crate) use features::profile_features;
pub(crate) use imports::{MODULE, SLICE};

use protocol::Limits;
use wasmparser::ValType;

/// The version of everything in this module that can change an outcome. Part of the profile.
pub const PREPARATION_VERSION: u32 = 1;

/// What every WebAssembly binary begins with.
const MAGIC: &[u8] = b"\0asm";

/// A module that is ready to be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The instrumented module.
    pub wasm: Vec<u8>,
    /// What stands in the memory of a new process, in the order of writing.
    pub genesis: Vec<Segment>,
    /// Pages of the memory of a new process.
    pub initial_pages: u32,
    /// Pages the module allows itself at most.
    pub maximum_pages: u32,
    /// The mutable globals of the module, by index.
    pub globals: Vec<MutableGlobal>,
}

/// A mutable global of a module: state, like the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableGlobal {
    /// The name it is exported under.
    pub export: String,
    /// What it holds.
    pub kind: GlobalKind,
}

/// What a mutable global holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalKind {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// A vector of 128 bits.
    V128,
}

/// Prepares a module.
///
/// # Errors
///
/// Why no unit of this profile will ever run it.
pub fn prepare(wasm: &[u8]) -> Result<Prepared, PrepareError> {
    if wasm.len() > Limits::MODULE_BYTES_MAX {
        return Err(PrepareError::TooLarge { bytes: wasm.len(), limit: Limits::MODULE_BYTES_MAX });
    }
    if !wasm.starts_with(MAGIC) {
        return Err(PrepareError::NotWasm);
    }
    let sections = check::check(wasm)?;
    exports::check(&sections)?;
    let memory = sections.memory.expect("an exported memory is defined, for nothing is imported");
    let initial_pages = u32::try_from(memory.initial).expect("a valid memory has 32-bit sizes");
    let maximum_pages = memory.maximum.and_then(|pages| u32::try_from(pages).ok());
    let genesis = segments::genesis(sections.data.as_ref(), initial_pages)?;
    let wasm = assemble::assemble(&sections).map_err(|error| PrepareError::Invalid {
        offset: 0,
        detail: error::quoted(&error.to_string()),
    })?;
    Ok(Prepared {
        wasm,
        genesis,
        initial_pages,
        maximum_pages: maximum_pages.unwrap_or(Limits::MAX.memory_pages),
        globals: globals(&sections),
    })
}

fn globals(sections: &check::Sections<'_>) -> Vec<MutableGlobal> {
    let kind = |ty| match ty {
        ValType::I32 => Some(GlobalKind::I32),
        ValType::I64 => Some(GlobalKind::I64),
        ValType::F32 => Some(GlobalKind::F32),
        ValType::F64 => Some(GlobalKind::F64),
        ValType::V128 => Some(GlobalKind::V128),
        ValType::Ref(_) => None,
    };
    (0..)
        .zip(&sections.globals)
        .filter(|(_, global)| global.mutable)
        .filter_map(|(index, global)| {
            let kind = kind(global.content_type)?;
            Some(MutableGlobal { export: exports::global(index), kind })
        })
        .collect()
}

#[cfg(test)]
mod tests;
