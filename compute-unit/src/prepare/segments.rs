//! Active segments: data moves into the genesis image, elements must fit the table.

use wasmparser::{ConstExpr, DataKind, DataSectionReader, ElementItems, ElementKind, Operator};

use super::{PrepareError, check::Sections, limits};

/// A piece of the memory a process is born with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it starts, in bytes.
    pub offset: u32,
    /// What stands there.
    pub bytes: Vec<u8>,
}

const PAGE_BYTES: u64 = 65_536;

/// The active data segments, in order; later ones overwrite earlier ones.
pub(super) fn genesis(
    data: Option<&DataSectionReader<'_>>,
    initial_pages: u32,
) -> Result<Vec<Segment>, PrepareError> {
    let mut segments = Vec::new();
    let memory_bytes = u64::from(initial_pages).saturating_mul(PAGE_BYTES);
    for (index, segment) in (0..).zip(data.cloned().into_iter().flatten()) {
        let segment = segment?;
        let DataKind::Active { offset_expr, .. } = segment.kind else { continue };
        let offset = constant(&offset_expr)?.ok_or(PrepareError::DataOutOfBounds { index })?;
        let length = u64::try_from(segment.data.len()).unwrap_or(u64::MAX);
        if u64::from(offset).saturating_add(length) > memory_bytes {
            return Err(PrepareError::DataOutOfBounds { index });
        }
        if !segment.data.is_empty() {
            segments.push(Segment { offset, bytes: segment.data.to_vec() });
        }
    }
    Ok(segments)
}

/// Refuses element segments that would make instantiation trap, and too many of them.
pub(super) fn check_elements(sections: &Sections<'_>) -> Result<(), PrepareError> {
    let table = sections.table_elements;
    let mut total = 0_u32;
    for (index, element) in (0..).zip(sections.elements.clone().into_iter().flatten()) {
        let element = element?;
        let count = match &element.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        total = total.saturating_add(count);
        PrepareError::check_limit("elements in segments", total, limits::SEGMENT_ELEMENTS_MAX)?;
        if let ElementKind::Active { offset_expr, .. } = element.kind {
            let offset = constant(&offset_expr)?.map_or(u64::MAX, u64::from);
            if offset.saturating_add(u64::from(count)) > table {
                return Err(PrepareError::ElementsOutOfBounds { index });
            }
        }
    }
    Ok(())
}

/// The value of a valid constant expression of type i32, as an unsigned offset.
///
/// A module without imports has no global that such an expression could read, so this is complete
/// for the features of the profile; anything else gives nothing.
fn constant(expression: &ConstExpr<'_>) -> Result<Option<u32>, PrepareError> {
    let mut stack: Vec<i32> = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator? {
            Operator::I32Const { value } => Some(value),
            Operator::I32Add => binary(&mut stack, i32::wrapping_add),
            Operator::I32Sub => binary(&mut stack, i32::wrapping_sub),
            Operator::I32Mul => binary(&mut stack, i32::wrapping_mul),
            Operator::End => break,
            _ => None,
        };
        match value {
            Some(value) => stack.push(value),
            None => return Ok(None),
        }
    }
    Ok(stack.pop().map(i32::cast_unsigned))
}

fn binary(stack: &mut Vec<i32>, apply: fn(i32, i32) -> i32) -> Option<i32> {
    let right = stack.pop()?;
    let left = stack.pop()?;
    Some(apply(left, right))
}
