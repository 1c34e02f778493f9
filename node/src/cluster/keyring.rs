//! The accounts of a data directory: keys as they are, under a passphrase, or opened for a while.
//!
//! ```text
//! keys/NAME.key       a key as it is
//! keys/NAME.age       a key under a passphrase
//! keys/NAME.account   the account of that key, which is no secret
//! session/NAME.key    an opened copy, with the time until which it may be used
//! ```
//!
//! Opened copies are in the user's runtime folder, if there is one that nobody else may enter: it is
//! gone when the machine stops.
//!
//! # Invariants
//!
//! - A name has a key as it is or one under a passphrase, never two different ones.
//! - What opens a key was checked to open it before the key as it is goes away.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use age::secrecy::SecretString;
use protocol::{AccountId, SecretKey, Timestamp};
use zeroize::Zeroizing;

use super::directory::{make, names_in};
use super::keys::{KeyName, parse, private, random_key, sealed, spell};
use crate::error::NodeError;

/// The longest time for which a key may be opened, in milliseconds.
pub(crate) const OPEN_MAX: u64 = 24 * 60 * 60 * 1_000;

/// The accounts of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Keyring {
    keys: PathBuf,
    session: PathBuf,
    work: u8,
}

/// How a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// Under a passphrase.
    Sealed,
}

/// A key, as far as it can be told without a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    /// Its name.
    pub(crate) name: KeyName,
    /// Its account; of an encrypted one by a file beside it.
    pub(crate) account: Option<AccountId>,
    /// Whether it is under a passphrase.
    pub(crate) encrypted: bool,
    /// Until when it is open all the same.
    pub(crate) open_until: Option<Timestamp>,
}

impl Keyring {
    /// The accounts in a folder, opened in another.
    pub(crate) const fn new(keys: PathBuf, session: PathBuf) -> Self {
        Self { keys, session, work: sealed::WORK }
    }

    /// Whether there is a key of this name, in whatever form.
    pub(crate) fn has(&self, name: &KeyName) -> bool {
        self.plain(name).exists() || self.sealed(name).exists()
    }

    /// How a key is kept.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoKey`] if there is none of this name.
    pub(crate) fn form(&self, name: &KeyName) -> Result<Form, NodeError> {
        match (self.plain(name).exists(), self.sealed(name).exists()) {
            (true, _) => Ok(Form::Plain),
            (false, true) => Ok(Form::Sealed),
            (false, false) => {
                Err(NodeError::NoKey { name: name.to_string(), path: self.keys.clone() })
            }
        }
    }

    /// A key that needs no passphrase now; nothing if there is none of this name.
    ///
    /// # Errors
    ///
    /// [`NodeError::KeyLocked`] if it needs one.
    pub(crate) fn key(
        &self,
        name: &KeyName,
        now: Timestamp,
    ) -> Result<Option<SecretKey>, NodeError> {
        if let Some(text) = private::read(&self.plain(name))? {
            return parse(&text, &self.plain(name)).map(Some);
        }
        if !self.sealed(name).exists() {
            return Ok(None);
        }
        match self.opened(name, now)? {
            Some((key, _)) => Ok(Some(key)),
            None => Err(NodeError::KeyLocked { name: name.to_string() }),
        }
    }

    /// The account of a key, without its passphrase; nothing if there is none of this name.
    pub(crate) fn account(&self, name: &KeyName) -> Result<Option<AccountId>, NodeError> {
        if let Some(text) = private::read(&self.plain(name))? {
            return Ok(Some(parse(&text, &self.plain(name))?.public().account()));
        }
        let path = self.beside(name);
        let Some(text) = private::read(&path)? else { return Ok(None) };
        let bad = |error| NodeError::BadFile { path, detail: format!("not an account ({error})") };
        text.trim().parse().map(Some).map_err(bad)
    }

    /// All keys, by name.
    pub(crate) fn list(&self, now: Timestamp) -> Result<Vec<KeyInfo>, NodeError> {
        let files = names_in(&self.keys)?;
        let named = files.iter().filter_map(|file| {
            let name = file.strip_suffix(".key").or_else(|| file.strip_suffix(".age"));
            name?.parse().ok()
        });
        let names: BTreeSet<KeyName> = named.collect();
        names.iter().map(|name| self.info(name, now)).collect()
    }

    /// One key.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoKey`] if there is none of this name.
    pub(crate) fn info(&self, name: &KeyName, now: Timestamp) -> Result<KeyInfo, NodeError> {
        let encrypted = self.form(name)? == Form::Sealed;
        let opened = if encrypted { self.opened(name, now)? } else { None };
        let (account, open_until) = (self.account(name)?, opened.map(|(_, until)| until));
        Ok(KeyInfo { name: name.clone(), account, encrypted, open_until })
    }

    /// Makes a key; under a passphrase, if there is one.
    pub(crate) fn create(
        &self,
        name: &KeyName,
        passphrase: Option<&SecretString>,
    ) -> Result<AccountId, NodeError> {
        self.put(name, &random_key()?, passphrase)
    }

    /// Keeps a key under a new name.
    pub(crate) fn put(
        &self,
        name: &KeyName,
        key: &SecretKey,
        passphrase: Option<&SecretString>,
    ) -> Result<AccountId, NodeError> {
        if self.has(name) {
            return Err(NodeError::Usage(format!("there is a key `{name}` already")));
        }
        make(&self.keys)?;
        match passphrase {
            None => private::create(&self.plain(name), &spell(key))?,
            Some(passphrase) => self.write_sealed(name, key, passphrase)?,
        }
        Ok(key.public().account())
    }

    /// Puts a key under a passphrase.
    pub(crate) fn encrypt(
        &self,
        name: &KeyName,
        passphrase: &SecretString,
    ) -> Result<AccountId, NodeError> {
        let path = self.plain(name);
        let Some(text) = private::read(&path)? else {
            self.form(name)?;
            return Err(NodeError::Usage(format!("the key `{name}` is encrypted already")));
        };
        let key = parse(&text, &path)?;
        self.write_sealed(name, &key, passphrase)?;
        private::remove(&path)?;
        Ok(key.public().account())
    }

    /// Takes a key out of its passphrase.
    pub(crate) fn decrypt(
        &self,
        name: &KeyName,
        passphrase: &SecretString,
    ) -> Result<AccountId, NodeError> {
        let key = self.open(name, passphrase)?;
        private::create(&self.plain(name), &spell(&key))?;
        self.lock(name)?;
        private::remove(&self.sealed(name))?;
        private::remove(&self.beside(name))?;
        Ok(key.public().account())
    }

    /// Opens a key with its passphrase.
    pub(crate) fn open(
        &self,
        name: &KeyName,
        passphrase: &SecretString,
    ) -> Result<SecretKey, NodeError> {
        if self.form(name)? == Form::Plain {
            return Err(NodeError::Usage(format!("the key `{name}` is not encrypted")));
        }
        let path = self.sealed(name);
        let missing = || NodeError::NoKey { name: name.to_string(), path: self.keys.clone() };
        let text = private::read(&path)?.ok_or_else(missing)?;
        open_text(&text, &path, name, passphrase)
    }

    /// Keeps an opened copy of a key until a time.
    pub(crate) fn unlock(
        &self,
        name: &KeyName,
        passphrase: &SecretString,
        until: Timestamp,
    ) -> Result<AccountId, NodeError> {
        let key = self.open(name, passphrase)?;
        make(&self.session)?;
        let text = Zeroizing::new(format!("until:{until}\n{}", &*spell(&key)));
        private::replace(&self.session_file(name), &text)?;
        Ok(key.public().account())
    }

    /// Removes the opened copy of a key; tells whether there was one.
    pub(crate) fn lock(&self, name: &KeyName) -> Result<bool, NodeError> {
        let path = self.session_file(name);
        let there = path.exists();
        private::remove(&path)?;
        Ok(there)
    }

    /// The key as people carry it elsewhere: as it lies here.
    pub(crate) fn export(&self, name: &KeyName) -> Result<Zeroizing<String>, NodeError> {
        let path = match self.form(name)? {
            Form::Plain => self.plain(name),
            Form::Sealed => self.sealed(name),
        };
        let missing = || NodeError::NoKey { name: name.to_string(), path: self.keys.clone() };
        private::read(&path)?.ok_or_else(missing)
    }

    /// A key under a passphrase, for somebody who has it as it is.
    pub(crate) fn seal(
        &self,
        key: &SecretKey,
        passphrase: &SecretString,
    ) -> Result<String, NodeError> {
        sealed::seal(&spell(key), passphrase, self.work).map_err(NodeError::system)
    }

    /// The opened copy of a key, with the time until which it may be used. One whose time is over, or
    /// lies further ahead than any can, is removed.
    fn opened(
        &self,
        name: &KeyName,
        now: Timestamp,
    ) -> Result<Option<(SecretKey, Timestamp)>, NodeError> {
        let path = self.session_file(name);
        let Some(text) = private::read(&path)? else { return Ok(None) };
        let parts = text.split_once('\n');
        let until = parts.and_then(|(until, _)| until.strip_prefix("until:")?.parse().ok());
        let until: u64 = until.unwrap_or(0);
        let lasts = now.get() < until && until <= now.get().saturating_add(OPEN_MAX);
        match parts.filter(|_| lasts) {
            Some((_, key)) => Ok(Some((parse(key, &path)?, Timestamp::new(until)))),
            None => private::remove(&path).map(|()| None),
        }
    }

    /// Writes a key under a passphrase and makes sure that it opens.
    fn write_sealed(
        &self,
        name: &KeyName,
        key: &SecretKey,
        passphrase: &SecretString,
    ) -> Result<(), NodeError> {
        let path = self.sealed(name);
        let text = self.seal(key, passphrase)?;
        let opened = open_text(&text, &path, name, passphrase)?;
        if opened.public() != key.public() {
            return Err(NodeError::System("an encrypted key opens to another one".to_owned()));
        }
        private::replace(&self.beside(name), &format!("{}\n", key.public().account()))?;
        private::replace(&path, &text)
    }

    fn plain(&self, name: &KeyName) -> PathBuf {
        self.keys.join(format!("{name}.key"))
    }

    fn sealed(&self, name: &KeyName) -> PathBuf {
        self.keys.join(format!("{name}.age"))
    }

    fn beside(&self, name: &KeyName) -> PathBuf {
        self.keys.join(format!("{name}.account"))
    }

    fn session_file(&self, name: &KeyName) -> PathBuf {
        self.session.join(format!("{name}.key"))
    }
}

/// Opens an encrypted key that stands in a file.
pub(crate) fn open_text(
    text: &str,
    path: &Path,
    name: &KeyName,
    passphrase: &SecretString,
) -> Result<SecretKey, NodeError> {
    match sealed::open(text, passphrase) {
        Ok(text) => parse(&text, path),
        Err(sealed::SealError::Passphrase) => {
            Err(NodeError::BadPassphrase { name: name.to_string() })
        }
        Err(error) => Err(NodeError::BadFile { path: path.to_owned(), detail: error.to_string() }),
    }
}

/// Where opened keys of a data directory are: in the user's runtime folder, if nobody else may enter
/// it, else in the directory itself.
pub(crate) fn session_folder(data: &Path, runtime: Option<&Path>) -> PathBuf {
    let runtime = runtime.filter(|folder| folder.is_absolute() && is_private(folder));
    match runtime {
        Some(folder) => {
            let whole = data.canonicalize().unwrap_or_else(|_| data.to_owned());
            let digest = blake3::hash(whole.as_os_str().as_encoded_bytes()).to_hex();
            folder.join("antiphon").join(digest.get(..16).unwrap_or_default())
        }
        None => data.join("session"),
    }
}

/// Whether a folder is there for its owner only.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let metadata = std::fs::metadata(folder);
    metadata.is_ok_and(|data| data.is_dir() && data.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    folder.is_dir()
}

#[cfg(test)]
mod tests;
