//! Secret keys in files: one line, `ed25519:` and the seed in hex, readable by the owner only.

pub(crate) mod private;
pub(crate) mod sealed;

use std::{fmt, path::Path, str};

use data_encoding::HEXLOWER;
use protocol::SecretKey;
use zeroize::Zeroizing;

use crate::error::NodeError;

/// What stands before the seed.
const ALGORITHM: &str = "ed25519:";

/// A name for a key: a file name that means nothing else anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyName(String);

impl KeyName {
    /// The longest name in bytes.
    const MAX: usize = 64;

    /// The name of the key that is used if none is named.
    pub(crate) fn default_key() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl str::FromStr for KeyName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(allowed) {
            return Err("a key's name has 1 to 64 letters, digits, `-` and `_`");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A key nobody else has.
pub(crate) fn random_key() -> Result<SecretKey, NodeError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(NodeError::system)?;
    Ok(SecretKey::from_seed(&seed))
}

/// How a key is written.
pub(crate) fn spell(key: &SecretKey) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(ALGORITHM.len() + 65));
    text.push_str(ALGORITHM);
    HEXLOWER.encode_append(key.seed(), &mut text);
    text.push('\n');
    text
}

/// The key that a text of a file says.
pub(crate) fn parse(text: &str, path: &Path) -> Result<SecretKey, NodeError> {
    let bad = || NodeError::BadFile {
        path: path.to_owned(),
        detail: "not a key of the form `ed25519:` and 64 hex digits; restore it from a backup"
            .to_owned(),
    };
    let hex = text.trim_end().strip_prefix(ALGORITHM).ok_or_else(bad)?;
    let mut seed = Zeroizing::new([0; 32]);
    if HEXLOWER.decode_len(hex.len()) != Ok(seed.len()) {
        return Err(bad());
    }
    HEXLOWER.decode_mut(hex.as_bytes(), &mut *seed).map_err(|_| bad())?;
    Ok(SecretKey::from_seed(&seed))
}

/// Reads a key; nothing if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<SecretKey>, NodeError> {
    private::read(path)?.map(|text| parse(&text, path)).transpose()
}

/// Writes a key where there is none; fails if there is one.
pub(crate) fn create(path: &Path, key: &SecretKey) -> Result<(), NodeError> {
    private::create(path, &spell(key))
}

/// Reads a key, making it first if there is none.
pub(crate) fn read_or_create(path: &Path) -> Result<SecretKey, NodeError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let key = random_key()?;
    create(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
