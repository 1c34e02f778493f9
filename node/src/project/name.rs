//! Names of crates.

use std::{fmt, str};

/// Words that mean something to the compiler, and crates that an actor depends on.
const TAKEN: [&str; 66] = [
    "abstract",
    "alloc",
    "antiphon",
    "antiphon-macros",
    "antiphon_macros",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "protocol",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "build",
    "deps",
    "examples",
];

/// The name of a crate that can depend on the SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrateName(String);

impl CrateName {
    /// The longest name in bytes, which is that of crates.io.
    const MAX: usize = 64;
}

impl fmt::Display for CrateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text cannot be the name of an actor's crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// It has characters that crates' names do not have.
    #[error("a crate's name has 1 to 64 letters, digits, `-` and `_`, and begins with a letter")]
    Characters,
    /// It means something else to the compiler, or to the crate itself.
    #[error(
        "this name means something to the compiler or belongs to a crate that actors depend on"
    )]
    Taken,
}

impl str::FromStr for CrateName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if !begins || text.len() > Self::MAX || !text.bytes().all(allowed) {
            return Err(NameError::Characters);
        }
        if TAKEN.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(NameError::Taken);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
