//! A module that was built: what is in it, and whether units will run it.

use antiphon_client::Client;
use compute_unit::{PrepareError, prepare};
use protocol::{Limits, abi::SCHEMA_SECTION, schema::Schema};

/// What every WebAssembly binary begins with: magic and version.
const HEADER_LEN: usize = 8;

/// The id of custom sections.
const CUSTOM: u8 = 0;

/// A module that units will run, without what they do not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckedModule {
    /// The Wasm binary.
    pub(crate) wasm: Vec<u8>,
    /// What it says of itself.
    pub(crate) schema: Schema,
}

/// Why a module is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModuleError {
    /// Its sections cannot be told apart.
    #[error("the file is no WebAssembly binary, or cut off")]
    Malformed,
    /// It is not an actor, or more than one.
    #[error(
        "the module has {0} sections `{SCHEMA_SECTION}` and must have one: put `#[actor]` on one type \
         and its impl block, and depend on other actors with `features = [\"stub\"]`"
    )]
    Schemas(usize),
    /// Its schema cannot be read.
    #[error("the section `{SCHEMA_SECTION}` cannot be read: build with the SDK of this program")]
    BadSchema,
    /// Units refuse it.
    #[error("units would refuse the module: {0}")]
    Refused(#[from] PrepareError),
}

impl CheckedModule {
    /// Checks what the compiler has built, as units will.
    pub(crate) fn check(built: &[u8]) -> Result<Self, ModuleError> {
        if built.len() > Limits::MODULE_BYTES_MAX {
            // Before anything is looked at; the preparation pass knows how to say it.
            prepare(built)?;
        }
        let sections = sections(built).ok_or(ModuleError::Malformed)?;
        let is_schema = |section: &&Section<'_>| section.custom == Some(SCHEMA_SECTION.as_bytes());
        let schemas = sections.iter().filter(is_schema).count();
        if schemas != 1 {
            return Err(ModuleError::Schemas(schemas));
        }
        let schema = Client::schema_of(built).ok_or(ModuleError::BadSchema)?;
        let mut wasm = built.get(..HEADER_LEN).ok_or(ModuleError::Malformed)?.to_vec();
        for section in &sections {
            if section.custom.is_none_or(|name| name == SCHEMA_SECTION.as_bytes()) {
                wasm.extend_from_slice(section.bytes);
            }
        }
        prepare(&wasm)?;
        Ok(Self { wasm, schema })
    }
}

/// A section of a Wasm binary.
struct Section<'a> {
    /// The name of a custom section.
    custom: Option<&'a [u8]>,
    /// All of it, its id and length included.
    bytes: &'a [u8],
}

/// The sections of a Wasm binary, if it is whole.
fn sections(wasm: &[u8]) -> Option<Vec<Section<'_>>> {
    let mut rest = wasm.get(HEADER_LEN..)?;
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (len, contents) = length(after)?;
        let end = rest.len() - contents.len() + len;
        let custom = match *id {
            CUSTOM => {
                let (len, name) = length(contents.get(..len)?)?;
                Some(name.get(..len)?)
            }
            _ => None,
        };
        let (bytes, others) = rest.split_at_checked(end)?;
        sections.push(Section { custom, bytes });
        rest = others;
    }
    Some(sections)
}

/// A length as LEB128 in at most five bytes, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0_u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(length).ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests;
