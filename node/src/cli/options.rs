//! Options that every command knows.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    Args, ColorChoice, ValueEnum,
    builder::{OsStringValueParser, TypedValueParser},
};
use protocol::NetworkId;
use transport::UnitAddress;

use crate::{
    cluster::{DataDirectory, KeyName},
    error::NodeError,
    output::Output,
};

/// Options that every command knows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// The data directory of the cluster [default: the user's data directory]
    #[arg(long, global = true, env = "ANTIPHON_DATA", value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
    #[arg(long, global = true, env = "XDG_DATA_HOME", hide = true, hide_env = true,
          value_parser = path())]
    data_home: Option<PathBuf>,
    #[arg(long, global = true, env = "XDG_RUNTIME_DIR", hide = true, hide_env = true,
          value_parser = path())]
    runtime_home: Option<PathBuf>,
    /// The key to sign with
    #[arg(long, global = true, value_name = "NAME", default_value_t = KeyName::default_key())]
    pub(crate) key: KeyName,
    /// A file whose first line is the passphrase of the key
    #[arg(long, global = true, env = "ANTIPHON_PASSPHRASE_FILE", value_name = "FILE",
          value_parser = path())]
    passphrase_file: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Whether to print in colour; `auto` heeds NO_COLOR and CLICOLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// How many seconds to wait for an answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Units of a network that does not run here, as unit1...@ip:port
    #[arg(long, global = true, value_name = "UNIT")]
    pub(crate) bootstrap: Vec<UnitAddress>,
    /// The network of those units
    #[arg(long, global = true, value_name = "NETWORK")]
    pub(crate) network: Option<NetworkId>,
    /// What to log on stderr, as `level` or `module=level,...`
    #[arg(
        long,
        global = true,
        env = "ANTIPHON_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    pub(crate) log: String,
    /// How to log: lines for people, or an object a line
    #[arg(
        long,
        global = true,
        env = "ANTIPHON_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

impl Globals {
    /// The data directory named. An empty name, as an unset variable has it in a script, is none.
    pub(crate) fn named_data(&self) -> Option<DataDirectory> {
        let named = self.data.clone().filter(|path| !path.as_os_str().is_empty());
        named.map(|path| self.directory(path))
    }

    /// The data directory named, or the user's.
    pub(crate) fn data(&self) -> Result<DataDirectory, NodeError> {
        self.named_data().map_or_else(|| self.user_data(), Ok)
    }

    /// The user's data directory, whatever directory is named for the cluster.
    pub(crate) fn user_data(&self) -> Result<DataDirectory, NodeError> {
        let home = || Some(std::env::home_dir()?.join(".local").join("share"));
        let base = self.data_home.clone().filter(|path| path.is_absolute()).or_else(home);
        let base = base.ok_or_else(|| {
            NodeError::usage("there is no home directory: name a data directory with --data")
        })?;
        Ok(self.directory(base.join("antiphon")))
    }

    fn directory(&self, path: PathBuf) -> DataDirectory {
        DataDirectory::new(path).with_runtime(self.runtime_home.clone())
    }

    /// The file that has the passphrase, if one is named.
    pub(crate) fn passphrase_file(&self) -> Option<&Path> {
        self.passphrase_file.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// How long to wait for an answer.
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// How to print.
    pub(crate) const fn output(&self) -> Output {
        Output { json: self.json, color: self.color }
    }
}

/// Takes a path that may be empty.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
