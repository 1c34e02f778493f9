//! The one import of an instrumented module, which is no import of the module that came in.

use std::convert::Infallible;

use wasm_encoder::{
    EntityType, ImportSection,
    reencode::{Error, Reencode},
};

/// The module name of the import.
pub(crate) const MODULE: &str = "antiphon";
/// The import: a function `(gas: i64) -> i64` that is called with gas below zero. It gives back the
/// gas to go on with, none below zero, or ends the call.
pub(crate) const SLICE: &str = "slice";
/// The index of the import.
pub(super) const SLICE_INDEX: u32 = 0;
/// Imported functions, which come before all others.
const IMPORTED: u32 = 1;

/// Encodes what was decoded, with the functions behind the imported one.
pub(super) struct Shifted;

impl Reencode for Shifted {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(shifted(function))
    }
}

/// The index that a function of the module has in the instrumented one.
pub(super) fn shifted(function: u32) -> u32 {
    function
        .checked_add(IMPORTED)
        .expect("checked modules have fewer functions than an index names")
}

/// The import section, for an import of a type.
pub(super) fn section(ty: u32) -> ImportSection {
    let mut section = ImportSection::new();
    section.import(MODULE, SLICE, EntityType::Function(ty));
    section
}
