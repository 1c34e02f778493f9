//! How large the parts of a module may be, and how deep its calls.
//!
//! All of these are part of the profile: a unit that changed one would refuse, or run, what others
//! do not.

/// Functions a module may define.
pub const FUNCTIONS_MAX: u32 = 65_536;
/// Function types a module may define.
pub const TYPES_MAX: u32 = 16_384;
/// Parameters, and results, a function type may have.
pub const PARAMETERS_MAX: usize = 128;
/// Globals a module may define.
pub const GLOBALS_MAX: u32 = 4_096;
/// Exports a module may have.
pub const EXPORTS_MAX: u32 = 4_096;
/// Tables a module may have.
pub const TABLES_MAX: u32 = 1;
/// Elements a table may have.
pub const TABLE_ELEMENTS_MAX: u64 = 65_536;
/// Element segments a module may have.
pub const ELEMENT_SEGMENTS_MAX: u32 = 4_096;
/// Elements all element segments may have together.
pub const SEGMENT_ELEMENTS_MAX: u32 = 262_144;
/// Data segments a module may have.
pub const DATA_SEGMENTS_MAX: u32 = 65_536;
/// Bytes the body of one function may have.
pub const FUNCTION_BYTES_MAX: usize = 256 << 10;
/// Locals, parameters not counted, that one function may have.
pub const LOCALS_MAX: u32 = 4_096;

/// The weight of all frames that may be live at once. Weights are assigned by the preparation pass.
pub const DEPTH_LIMIT: u32 = 8 << 20;
/// A function that calls nothing of the module is not counted if its frame weighs at most this: it
/// can only be the last frame but for those that get gas, and the native stack has room for them.
pub(super) const LEAF_WEIGHT_MAX: u32 = 64 << 10;

const FRAME_BASE: u32 = 256;
const FRAME_SLOT: u32 = 16;
const FRAME_OPERATOR: u32 = 4;

/// The weight of one frame, in bytes of a pessimistic machine: every local and every operand that
/// can be live at once has a slot of 16 bytes. The share of the operators stands for values that an
/// optimiser keeps alive from one part of a function to another.
pub(super) const fn frame_weight(locals: u32, operands: u32, operators: u32) -> u32 {
    let slots = locals.saturating_add(operands).saturating_mul(FRAME_SLOT);
    FRAME_BASE.saturating_add(slots).saturating_add(operators.saturating_mul(FRAME_OPERATOR))
}
