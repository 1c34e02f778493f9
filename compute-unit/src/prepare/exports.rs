//! The exports of the guest contract, and the names the preparation keeps for itself.

use protocol::abi;
use wasmparser::{ExternalKind, ValType};

use super::{PrepareError, check::Sections, error::quoted};

/// What every export the preparation adds begins with.
pub(super) const RESERVED_PREFIX: &str = "antiphon$";
/// The export of the gas that is left of what the host handed out; below zero once it ran out.
pub(crate) const GAS: &str = "antiphon$gas";
/// The export of the weight of all live frames; above the limit once it was exceeded.
pub(crate) const DEPTH: &str = "antiphon$depth";

const ENTRY: &str = "a function (i32, i32) -> i64";
const FUNCTIONS: [(&str, &str, &[ValType], &[ValType]); 4] = [
    (abi::EXPORT_ALLOC, "a function (i32) -> i32", &[ValType::I32], &[ValType::I32]),
    (abi::EXPORT_HANDLE, ENTRY, &[ValType::I32, ValType::I32], &[ValType::I64]),
    (abi::EXPORT_VIEW, ENTRY, &[ValType::I32, ValType::I32], &[ValType::I64]),
    (abi::EXPORT_SAVE, ENTRY, &[ValType::I32, ValType::I32], &[ValType::I64]),
];
const MEMORY: &str = "a memory";

/// The name under which a mutable global is exported.
pub(super) fn global(index: u32) -> String {
    format!("{RESERVED_PREFIX}global.{index}")
}

/// Refuses a module that lacks an export of the contract or uses a reserved name.
pub(super) fn check(sections: &Sections<'_>) -> Result<(), PrepareError> {
    if let Some(export) = sections.exports.iter().find(|e| e.name.starts_with(RESERVED_PREFIX)) {
        return Err(PrepareError::ReservedExport { name: quoted(export.name) });
    }
    find(sections, abi::EXPORT_MEMORY, MEMORY, |kind, _| kind == ExternalKind::Memory)?;
    for (name, expected, parameters, results) in FUNCTIONS {
        find(sections, name, expected, |kind, index| {
            kind == ExternalKind::Func
                && function_type(sections, index)
                    .is_some_and(|ty| ty.params() == parameters && ty.results() == results)
        })?;
    }
    Ok(())
}

fn find(
    sections: &Sections<'_>,
    name: &'static str,
    expected: &'static str,
    fits: impl Fn(ExternalKind, u32) -> bool,
) -> Result<(), PrepareError> {
    match sections.exports.iter().find(|export| export.name == name) {
        None => Err(PrepareError::MissingExport { name, expected }),
        Some(export) if fits(export.kind, export.index) => Ok(()),
        Some(_) => Err(PrepareError::WrongExport { name, expected }),
    }
}

/// The type of a function, by the function's index.
pub(super) fn function_type<'s>(
    sections: &'s Sections<'_>,
    function: u32,
) -> Option<&'s wasmparser::FuncType> {
    let ty = sections.functions.get(usize::try_from(function).ok()?)?;
    sections.types.get(usize::try_from(*ty).ok()?)
}
