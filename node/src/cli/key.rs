//! `key`: accounts of the data directory.

use clap::Subcommand;
use serde::Serialize;

use super::options::Globals;
use crate::{
    cluster::KeyName,
    error::NodeError,
    output::{KeyShape, table},
};

/// Make and list keys of accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key.
    New {
        /// What to call it.
        name: KeyName,
    },
    /// List the keys.
    List,
}

#[derive(Debug, Serialize)]
struct Keys {
    keys: Vec<KeyShape>,
}

impl Key {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let (data, output) = (globals.data()?, globals.output());
        match self {
            Self::New { name } => {
                data.create()?;
                let account = data.new_key(&name)?.public().account();
                let shape = KeyShape { name: name.to_string(), account };
                output.print(&shape, || account.to_string())
            }
            Self::List => {
                let keys = data.all_keys()?.into_iter().map(|(name, key)| KeyShape {
                    name: name.to_string(),
                    account: key.public().account(),
                });
                let keys: Vec<KeyShape> = keys.collect();
                let rows = std::iter::once(vec!["name".to_owned(), "account".to_owned()]);
                let rows = rows
                    .chain(keys.iter().map(|key| vec![key.name.clone(), key.account.to_string()]));
                let rows: Vec<_> = rows.collect();
                output.print(&Keys { keys }, || table(&rows))
            }
        }
    }
}
