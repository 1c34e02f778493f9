//! Why a module is refused, and what its author can do about it.

use protocol::{Refusal, RefusalCode};

use super::features;

/// Why a module is refused. Every unit of the profile refuses it for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The binary is larger than a module may be.
    #[error(
        "the module has {bytes} bytes, of which {limit} are allowed: build it optimised for size and strip debug sections"
    )]
    TooLarge {
        /// The size of the binary.
        bytes: usize,
        /// The most a module may have.
        limit: usize,
    },
    /// The bytes are something else than WebAssembly.
    #[error(
        "this is no WebAssembly binary, for it does not begin with `\\0asm`: give the .wasm file that cargo builds for wasm32-unknown-unknown"
    )]
    NotWasm,
    /// The binary is not a valid WebAssembly module.
    #[error(
        "the module is not valid at byte {offset}: {detail}; build it again, for the file is cut off or was changed"
    )]
    Invalid {
        /// Where the fault is.
        offset: usize,
        /// The validator's words.
        detail: String,
    },
    /// The module uses a feature that the profile turns off.
    #[error(
        "the module uses the feature {feature} at byte {offset}, which actors may not use: build it without"
    )]
    Feature {
        /// The feature's name.
        feature: String,
        /// Where it is used.
        offset: usize,
    },
    /// The module imports something.
    #[error(
        "the module imports {module}.{name}, but an actor imports nothing: build for wasm32-unknown-unknown and remove what needs a host"
    )]
    Import {
        /// The module part of the import's name.
        module: String,
        /// The name of the import.
        name: String,
    },
    /// The module has a start function.
    #[error(
        "the module has a start function, which would run at every restore: do its work when handling init"
    )]
    Start,
    /// An export of the guest contract is missing.
    #[error(
        "the module does not export {name}, {expected}: build it with #[actor], or see docs/abi.md"
    )]
    MissingExport {
        /// The export's name.
        name: &'static str,
        /// The type it must have.
        expected: &'static str,
    },
    /// An export of the guest contract has another type.
    #[error("the export {name} must be {expected}: see docs/abi.md")]
    WrongExport {
        /// The export's name.
        name: &'static str,
        /// The type it must have.
        expected: &'static str,
    },
    /// An export has a name that the preparation keeps for itself.
    #[error("the export {name} has a reserved name: rename it")]
    ReservedExport {
        /// The export's name.
        name: String,
    },
    /// The module uses an instruction that changes what a checkpoint does not hold.
    #[error(
        "the module uses {instruction} at byte {offset}, which actors may not: tables and data segments never change"
    )]
    Instruction {
        /// The instruction's name in the text format.
        instruction: &'static str,
        /// Where it is used.
        offset: usize,
    },
    /// A mutable global holds a reference.
    #[error("the mutable global {index} holds a reference, which a checkpoint cannot hold")]
    ReferenceGlobal {
        /// The global's index.
        index: u32,
    },
    /// There are more, or larger, items of a kind than allowed.
    #[error("{what}: {count}, of which {limit} are allowed")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        count: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// An active data segment does not lie within the initial memory.
    #[error("the data segment {index} does not fit into the initial memory")]
    DataOutOfBounds {
        /// The segment's index.
        index: u32,
    },
    /// An active element segment does not lie within the table.
    #[error("the element segment {index} does not fit into the table")]
    ElementsOutOfBounds {
        /// The segment's index.
        index: u32,
    },
}

/// How much of a name or message that a module's author controls enters an error.
const QUOTED_MAX: usize = 128;

/// Makes text from a module fit to be shown.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).flat_map(char::escape_debug).collect()
}

/// The validator's words, some of which have several lines, on one line.
fn sentence(message: &str) -> String {
    quoted(&message.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl From<wasmparser::Error> for PrepareError {
    fn from(error: wasmparser::Error) -> Self {
        let offset = error.offset();
        match error.missing_wasm_feature() {
            Some(feature) => Self::Feature { feature: features::name(feature), offset },
            None => Self::Invalid { offset, detail: sentence(error.message()) },
        }
    }
}

impl From<PrepareError> for Refusal {
    fn from(error: PrepareError) -> Self {
        Self::new(RefusalCode::ModuleRefused, error.to_string())
    }
}

impl PrepareError {
    /// Whether finding it again takes no longer than looking it up.
    pub(crate) const fn is_found_at_a_glance(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::NotWasm)
    }

    /// Refuses a count above its limit.
    pub(super) fn check_limit(
        what: &'static str,
        count: impl TryInto<u64>,
        limit: impl TryInto<u64>,
    ) -> Result<(), Self> {
        let count = count.try_into().unwrap_or(u64::MAX);
        let limit = limit.try_into().unwrap_or(u64::MAX);
        if count > limit { Err(Self::Limit { what, count, limit }) } else { Ok(()) }
    }
}
