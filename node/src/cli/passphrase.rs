//! Passphrases: from a file, or asked for on a terminal; never from the command line, and never
//! printed or logged.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use age::secrecy::{ExposeSecret, SecretString};
use protocol::SecretKey;
use zeroize::Zeroizing;

use super::options::Globals;
use crate::{
    cluster::{DataDirectory, KeyName, private},
    error::NodeError,
};

/// The key to sign with; asks for its passphrase if it needs one.
pub(super) fn key(globals: &Globals, data: &DataDirectory) -> Result<Option<SecretKey>, NodeError> {
    match data.key(&globals.key) {
        Err(NodeError::KeyLocked { .. }) => {
            let passphrase = present(globals, &globals.key)?;
            data.keyring().open(&globals.key, &passphrase).map(Some)
        }
        key => key,
    }
}

/// The passphrase that a key has.
pub(super) fn present(globals: &Globals, name: &KeyName) -> Result<SecretString, NodeError> {
    if let Some(file) = globals.passphrase_file() {
        return from_file(file);
    }
    if !io::stdin().is_terminal() {
        return Err(NodeError::KeyLocked { name: name.to_string() });
    }
    ask(&format!("Passphrase of the key `{name}`: "))
}

/// The passphrase that a key is to have; asked for twice.
pub(super) fn new(globals: &Globals, name: &KeyName) -> Result<SecretString, NodeError> {
    if let Some(file) = globals.passphrase_file() {
        return from_file(file);
    }
    if !io::stdin().is_terminal() {
        return Err(NodeError::usage(
            "there is no terminal to ask for a passphrase: name a file with --passphrase-file or \
             ANTIPHON_PASSPHRASE_FILE",
        ));
    }
    let first = ask(&format!("New passphrase of the key `{name}`: "))?;
    let second = ask("The same again: ")?;
    if first.expose_secret() != second.expose_secret() {
        return Err(NodeError::usage("the two passphrases differ"));
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<SecretString, NodeError> {
    let text = Zeroizing::new(rpassword::prompt_password(prompt).map_err(NodeError::system)?);
    checked(&text)
}

/// The first line of a file that nobody else may read.
fn from_file(file: &Path) -> Result<SecretString, NodeError> {
    let missing = || NodeError::usage(format!("there is no file {}", file.display()));
    let text = private::read(file)?.ok_or_else(missing)?;
    checked(text.lines().next().unwrap_or_default())
}

fn checked(text: &str) -> Result<SecretString, NodeError> {
    if text.is_empty() {
        return Err(NodeError::usage("the passphrase is empty"));
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests;
