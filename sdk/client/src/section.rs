//! Finds a custom section in a Wasm binary without validating the rest (WebAssembly core
//! specification 2.0, sections 5.5.2 and 5.5.3).
//!
//! Every length is checked against what is left before it is used; any input is allowed.

/// The magic number and the version of a core module.
const HEADER: &[u8; 8] = b"\0asm\x01\0\0\0";

/// The id of custom sections.
const CUSTOM: u8 = 0;

/// The contents of the first custom section of this name.
pub(crate) fn custom_section<'a>(wasm: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = wasm.strip_prefix(HEADER)?;
    loop {
        let (id, tail) = rest.split_first()?;
        let (body, tail) = sized(tail)?;
        rest = tail;
        if *id == CUSTOM {
            let (found, contents) = sized(body)?;
            if found == name.as_bytes() {
                return Some(contents);
            }
        }
    }
}

/// Takes a length and that many bytes.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = length(bytes)?;
    rest.split_at_checked(length)
}

/// Takes an unsigned LEB128 number of at most 32 bits.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value: u64 = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests;
