//! The gas table of the profile: what each operator costs.
//!
//! One unit of gas is about the time of one simple instruction. The prices follow what the slowest
//! common machine takes for an operator's worst case, so that gas bounds time. Blocks are charged
//! before they run (`blocks`), what depends on an operand is charged in front of the operator.

use wasmparser::Operator;

/// The price of a local, zeroed when its function is entered.
pub(super) const LOCAL: u64 = 1;
/// The price of a page of memory: about what hashing and storing 64 KiB takes.
pub(super) const PAGE: u64 = 65_536;
/// How many bytes a bulk operator moves for one unit of gas.
pub(super) const BULK_BYTES_PER_GAS: u64 = 8;

const FREE: u64 = 0;
const SIMPLE: u64 = 1;
const MEMORY: u64 = 2;
const FLOAT: u64 = 3;
const CALL: u64 = 5;
const DIVIDE: u64 = 10;
const CALL_INDIRECT: u64 = 10;
const FLOAT_DIVIDE: u64 = 15;
const BULK: u64 = 30;
const GROW: u64 = 300;

/// The price of an operator, without what depends on its operands.
pub(super) const fn operator(operator: &Operator<'_>) -> u64 {
    use Operator as O;
    match operator {
        O::Nop | O::Block { .. } | O::Loop { .. } | O::Else | O::End => FREE,
        O::Call { .. } => CALL,
        O::CallIndirect { .. } => CALL_INDIRECT,
        O::BrTable { .. } | O::TableGet { .. } => MEMORY,
        O::MemoryGrow { .. } => GROW,
        O::MemoryCopy { .. } | O::MemoryFill { .. } | O::MemoryInit { .. } => BULK,
        O::I32Load { .. }
        | O::I64Load { .. }
        | O::F32Load { .. }
        | O::F64Load { .. }
        | O::I32Load8S { .. }
        | O::I32Load8U { .. }
        | O::I32Load16S { .. }
        | O::I32Load16U { .. }
        | O::I64Load8S { .. }
        | O::I64Load8U { .. }
        | O::I64Load16S { .. }
        | O::I64Load16U { .. }
        | O::I64Load32S { .. }
        | O::I64Load32U { .. }
        | O::I32Store { .. }
        | O::I64Store { .. }
        | O::F32Store { .. }
        | O::F64Store { .. }
        | O::I32Store8 { .. }
        | O::I32Store16 { .. }
        | O::I64Store8 { .. }
        | O::I64Store16 { .. }
        | O::I64Store32 { .. }
        | O::V128Load { .. }
        | O::V128Load8x8S { .. }
        | O::V128Load8x8U { .. }
        | O::V128Load16x4S { .. }
        | O::V128Load16x4U { .. }
        | O::V128Load32x2S { .. }
        | O::V128Load32x2U { .. }
        | O::V128Load8Splat { .. }
        | O::V128Load16Splat { .. }
        | O::V128Load32Splat { .. }
        | O::V128Load64Splat { .. }
        | O::V128Load32Zero { .. }
        | O::V128Load64Zero { .. }
        | O::V128Store { .. }
        | O::V128Load8Lane { .. }
        | O::V128Load16Lane { .. }
        | O::V128Load32Lane { .. }
        | O::V128Load64Lane { .. }
        | O::V128Store8Lane { .. }
        | O::V128Store16Lane { .. }
        | O::V128Store32Lane { .. }
        | O::V128Store64Lane { .. } => MEMORY,
        O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU => DIVIDE,
        O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => DIVIDE,
        O::F32Div | O::F64Div | O::F32Sqrt | O::F64Sqrt => FLOAT_DIVIDE,
        O::F32x4Div | O::F64x2Div | O::F32x4Sqrt | O::F64x2Sqrt => FLOAT_DIVIDE,
        _ if is_float(operator) || is_float_vector(operator) || is_wide(operator) => FLOAT,
        _ => SIMPLE,
    }
}

/// Operators that compute floats, whose NaNs the engine makes canonical.
const fn is_float(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::F32Ceil
            | O::F32Floor
            | O::F32Trunc
            | O::F32Nearest
            | O::F32Add
            | O::F32Sub
            | O::F32Mul
            | O::F32Min
            | O::F64Ceil
            | O::F64Floor
            | O::F64Trunc
            | O::F64Nearest
            | O::F64Add
            | O::F64Sub
            | O::F64Mul
            | O::F64Min
            | O::F32DemoteF64
            | O::F64PromoteF32
            | O::I32TruncF32S
            | O::I32TruncF32U
            | O::I32TruncF64S
            | O::I32TruncF64U
            | O::I64TruncF32S
            | O::I64TruncF32U
            | O::I64TruncF64S
            | O::I64TruncF64U
            | O::I32TruncSatF32S
            | O::I32TruncSatF32U
            | O::I32TruncSatF64S
            | O::I32TruncSatF64U
            | O::I64TruncSatF32S
            | O::I64TruncSatF32U
            | O::I64TruncSatF64S
            | O::I64TruncSatF64U
            | O::F32ConvertI32S
            | O::F32ConvertI32U
            | O::F32ConvertI64S
            | O::F32ConvertI64U
            | O::F64ConvertI32S
            | O::F64ConvertI32U
            | O::F64ConvertI64S
            | O::F64ConvertI64U
    )
}

/// Vector operators that compute floats.
const fn is_float_vector(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::F32Max
            | O::F64Max
            | O::F32x4Ceil
            | O::F32x4Floor
            | O::F32x4Trunc
            | O::F32x4Nearest
            | O::F32x4Add
            | O::F32x4Sub
            | O::F32x4Mul
            | O::F32x4Min
            | O::F32x4Max
            | O::F32x4PMin
            | O::F32x4PMax
            | O::F64x2Ceil
            | O::F64x2Floor
            | O::F64x2Trunc
            | O::F64x2Nearest
            | O::F64x2Add
            | O::F64x2Sub
            | O::F64x2Mul
            | O::F64x2Min
            | O::F64x2Max
            | O::F64x2PMin
            | O::F64x2PMax
            | O::I32x4TruncSatF32x4S
            | O::I32x4TruncSatF32x4U
            | O::F32x4ConvertI32x4S
            | O::F32x4ConvertI32x4U
            | O::I32x4TruncSatF64x2SZero
            | O::I32x4TruncSatF64x2UZero
            | O::F64x2ConvertLowI32x4S
            | O::F64x2ConvertLowI32x4U
            | O::F32x4DemoteF64x2Zero
            | O::F64x2PromoteLowF32x4
    )
}

/// Vector operators that take a sequence of machine instructions.
const fn is_wide(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::I64x2Mul
            | O::I8x16Shuffle { .. }
            | O::I8x16Swizzle
            | O::I8x16Popcnt
            | O::I8x16Shl
            | O::I8x16ShrS
            | O::I8x16ShrU
            | O::I64x2ShrS
            | O::I64x2Abs
            | O::I16x8Bitmask
            | O::I8x16Bitmask
            | O::I32x4Bitmask
            | O::I64x2Bitmask
            | O::I32x4DotI16x8S
            | O::I16x8Q15MulrSatS
            | O::I16x8ExtAddPairwiseI8x16S
            | O::I16x8ExtAddPairwiseI8x16U
            | O::I32x4ExtAddPairwiseI16x8S
            | O::I32x4ExtAddPairwiseI16x8U
            | O::I64x2ExtMulLowI32x4S
            | O::I64x2ExtMulHighI32x4S
            | O::I64x2ExtMulLowI32x4U
            | O::I64x2ExtMulHighI32x4U
    )
}
