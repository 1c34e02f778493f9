//! The one unsafe call of this crate: machine code that was compiled before.

use wasmtime::Module;

use super::file::Checked;
use crate::engine::Engine;

/// Makes a module of machine code whose file has been checked.
///
/// # Errors
///
/// When the engine does not take it: it looks for its own version and settings in it.
pub(super) fn load(engine: &Engine, code: &Checked<'_>) -> wasmtime::Result<Module> {
    #[expect(unsafe_code, reason = "the engine cannot know who wrote the bytes; the checksum can")]
    // SAFETY: the bytes must be what `Module::serialize` gave, unchanged. `Checked` exists only of
    // bytes under a checksum whose key is derived from this unit's secret key, which this program
    // puts under nothing else; the same checksum covers the compatibility digest of the engine that
    // made them, which is this engine's. So whoever could hand in other bytes knows the secret key,
    // which lies beside them in a directory that its owner alone may enter: such a person can
    // replace the whole unit. The bytes were read into memory before they were checked, so a file
    // that changes meanwhile changes nothing here.
    unsafe {
        Module::deserialize(engine.inner(), code.bytes())
    }
}
