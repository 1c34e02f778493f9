//! `key`: accounts of the data directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use age::secrecy::SecretString;
use clap::Subcommand;
use protocol::{AccountId, Timestamp};
use serde::Serialize;

use super::{options::Globals, passphrase};
use crate::{
    clock,
    cluster::{
        Form, KeyInfo, KeyName, Keyring, OPEN_MAX, is_sealed, open_text, parse_key, private,
        spell_key,
    },
    error::NodeError,
    output::{KeyShape, note, table},
};

/// Minutes for which a key is open if nothing else is said.
const MINUTES: u64 = 60;

/// Make, list, encrypt and carry keys of accounts.
///
/// A passphrase is asked for on a terminal, or is the first line of the file that --passphrase-file or
/// ANTIPHON_PASSPHRASE_FILE names. Encrypted keys are files that the program `age` opens, too.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key.
    New {
        /// What to call it.
        name: KeyName,
        /// Put it under a passphrase
        #[arg(long)]
        encrypt: bool,
    },
    /// List the keys.
    List,
    /// Put a key under a passphrase.
    Encrypt {
        /// The key.
        name: KeyName,
    },
    /// Take a key out of its passphrase.
    Decrypt {
        /// The key.
        name: KeyName,
    },
    /// Open an encrypted key for a while, so that commands use it without its passphrase.
    Unlock {
        /// The key.
        name: KeyName,
        /// For how many minutes
        #[arg(long, value_name = "N", default_value_t = MINUTES,
              value_parser = clap::value_parser!(u64).range(1..=OPEN_MAX / 60_000))]
        minutes: u64,
    },
    /// Close a key that was opened.
    Lock {
        /// The key.
        name: KeyName,
    },
    /// Print a key under a passphrase, to be imported elsewhere.
    Export {
        /// The key.
        name: KeyName,
        /// Print it as it is, for whoever sees it to use
        #[arg(long)]
        plain: bool,
    },
    /// Take a key that was exported.
    Import {
        /// What to call it here.
        name: KeyName,
        /// The file
        file: PathBuf,
        /// Put it under a passphrase, if it is not yet
        #[arg(long)]
        encrypt: bool,
    },
}

#[derive(Debug, Serialize)]
struct Keys {
    keys: Vec<KeyShape>,
}

impl Key {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let data = globals.data()?;
        let ring = data.keyring();
        let now = clock::now();
        let (name, account) = match &self {
            Self::List => return list(globals, &ring, now),
            Self::Export { name, plain } => return export(globals, &ring, name, *plain),
            Self::New { name, encrypt } => {
                data.create()?;
                let passphrase = wanted(globals, name, *encrypt && !ring.has(name))?;
                (name, ring.create(name, passphrase.as_ref())?)
            }
            Self::Encrypt { name } => {
                // Nobody is asked in vain.
                if ring.form(name)? == Form::Sealed {
                    return Err(NodeError::usage(format!("the key `{name}` is encrypted already")));
                }
                (name, ring.encrypt(name, &passphrase::new(globals, name)?)?)
            }
            Self::Decrypt { name } => {
                must_be_sealed(&ring, name)?;
                (name, ring.decrypt(name, &passphrase::present(globals, name)?)?)
            }
            Self::Unlock { name, minutes } => {
                must_be_sealed(&ring, name)?;
                let until =
                    Timestamp::new(now.get().saturating_add(minutes.saturating_mul(60_000)));
                (name, ring.unlock(name, &passphrase::present(globals, name)?, until)?)
            }
            Self::Lock { name } => {
                must_be_sealed(&ring, name)?;
                if !ring.lock(name)? {
                    note(&format!("the key `{name}` was not open"));
                }
                return one(globals, &ring, name, now);
            }
            Self::Import { name, file, encrypt } => {
                data.create()?;
                (name, import(globals, &ring, name, file, *encrypt)?)
            }
        };
        if globals.json {
            return one(globals, &ring, name, now);
        }
        crate::output::line(&account.to_string())
    }
}

/// Refuses a key that has no passphrase.
fn must_be_sealed(ring: &Keyring, name: &KeyName) -> Result<(), NodeError> {
    match ring.form(name)? {
        Form::Sealed => Ok(()),
        Form::Plain => Err(NodeError::usage(format!("the key `{name}` is not encrypted"))),
    }
}

/// A passphrase for a key, if there is to be one.
fn wanted(
    globals: &Globals,
    name: &KeyName,
    encrypt: bool,
) -> Result<Option<SecretString>, NodeError> {
    encrypt.then(|| passphrase::new(globals, name)).transpose()
}

fn list(globals: &Globals, ring: &Keyring, now: Timestamp) -> Result<(), NodeError> {
    let keys: Vec<KeyShape> = ring.list(now)?.into_iter().map(shape).collect();
    let heading = ["name", "account", "state"].map(str::to_owned).to_vec();
    let rows = keys.iter().map(|key| {
        let account = key.account.map(|account| account.to_string()).unwrap_or_default();
        let state = match (key.encrypted, key.unlocked_until) {
            (false, _) => "not encrypted".to_owned(),
            (true, None) => "encrypted".to_owned(),
            (true, Some(until)) => {
                let minutes = until.saturating_sub(now.get()).div_ceil(60_000);
                format!("encrypted, open for {minutes} min")
            }
        };
        vec![key.name.clone(), account, state]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    globals.output().print(&Keys { keys }, || table(&rows))
}

/// Prints one key, as the list has it.
fn one(globals: &Globals, ring: &Keyring, name: &KeyName, now: Timestamp) -> Result<(), NodeError> {
    let shape = shape(ring.info(name, now)?);
    globals
        .output()
        .print(&shape, || shape.account.map(|account| account.to_string()).unwrap_or_default())
}

fn shape(info: KeyInfo) -> KeyShape {
    let KeyInfo { name, account, encrypted, open_until } = info;
    let unlocked_until = open_until.map(Timestamp::get);
    KeyShape { name: name.to_string(), account, encrypted, unlocked_until, exported: None }
}

fn export(globals: &Globals, ring: &Keyring, name: &KeyName, plain: bool) -> Result<(), NodeError> {
    let text = match (plain, ring.form(name)?) {
        (true, Form::Plain) | (false, Form::Sealed) => ring.export(name)?,
        (true, Form::Sealed) => {
            let key = ring.open(name, &passphrase::present(globals, name)?)?;
            spell_key(&key)
        }
        (false, Form::Plain) => {
            let key = ring.key(name, clock::now())?;
            let missing = || NodeError::System(format!("the key `{name}` has gone"));
            ring.seal(&key.ok_or_else(missing)?, &passphrase::new(globals, name)?)?.into()
        }
    };
    let shape = KeyShape {
        name: name.to_string(),
        account: ring.account(name)?,
        encrypted: is_sealed(&text),
        unlocked_until: None,
        exported: Some(text.trim_end().to_owned()),
    };
    globals.output().print(&shape, || text.trim_end().to_owned())
}

/// Takes a key from a file, which may be of anybody's and with any mode: it came from elsewhere.
fn import(
    globals: &Globals,
    ring: &Keyring,
    name: &KeyName,
    file: &Path,
    encrypt: bool,
) -> Result<AccountId, NodeError> {
    if ring.has(name) {
        return Err(NodeError::usage(format!("there is a key `{name}` already")));
    }
    let size = fs::metadata(file).map_err(NodeError::file(file))?.len();
    if size > private::SIZE_MAX {
        return Err(NodeError::usage(format!("{} is larger than any key", file.display())));
    }
    let text = zeroize::Zeroizing::new(fs::read_to_string(file).map_err(NodeError::file(file))?);
    if is_sealed(&text) {
        // Under a passphrase it stays: the same one.
        let passphrase = passphrase::present(globals, name)?;
        let key = open_text(&text, file, name, &passphrase)?;
        return ring.put(name, &key, Some(&passphrase));
    }
    let key = parse_key(&text, file)?;
    let passphrase = wanted(globals, name, encrypt)?;
    if passphrase.is_none() {
        note("the key is kept as it is; `antiphon key encrypt` puts it under a passphrase");
    }
    ring.put(name, &key, passphrase.as_ref())
}
