//! What the command can fail with: a stable word and number, a cause with what to do, and the exit
//! code of the contract.

use std::{io, net::SocketAddr, path::PathBuf};

use antiphon_client::ClientError;
use protocol::{EntryId, RefusalCode};

use crate::{gateway::GatewayError, project::ModuleError};

/// Why a command ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// A unit or an actor said so, or none could be reached.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The command line cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// Nothing runs on the data directory.
    #[error(
        "no cluster runs on {}: start one with `antiphon up --data {}`, or name another with --data, \
         or a unit of it with --bootstrap and --network", .0.display(), .0.display()
    )]
    NoCluster(PathBuf),
    /// Another process holds the data directory.
    #[error(
        "data directory in use by pid {pid}: {}; stop that process or choose another with --data",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as it said.
        pid: String,
    },
    /// A port that must be free is not.
    #[error(
        "port taken: {address} is in use by another program; stop it, or delete {} to let a new port \
         be chosen", file.display()
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
        /// Where the port is remembered.
        file: PathBuf,
    },
    /// HTTP cannot be served.
    #[error("{0}")]
    Gateway(#[from] GatewayError),
    /// The operating system refused a file.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the data directory does not hold what it should.
    #[error("{}: {detail}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// There is no such key.
    #[error("no key `{name}` in {}: make it with `antiphon key new {name}`", path.display())]
    NoKey {
        /// The key's name.
        name: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A key needs its passphrase.
    #[error(
        "the key `{name}` is encrypted, and there is no terminal to ask for its passphrase: run \
         `antiphon key unlock {name}` first, or name a file with --passphrase-file or \
         ANTIPHON_PASSPHRASE_FILE"
    )]
    KeyLocked {
        /// The key's name.
        name: String,
    },
    /// A passphrase opens nothing.
    #[error("this is not the passphrase of the key `{name}`")]
    BadPassphrase {
        /// The key's name.
        name: String,
    },
    /// Others may read a secret.
    #[error(
        "others may use {} (mode {mode:03o}): run `chmod 600` on it if nobody has, else make a new key",
        path.display()
    )]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Who may do what.
        mode: u32,
    },
    /// A unit does not start.
    #[error("{unit} does not start: {detail}")]
    Unit {
        /// Its name in the data directory.
        unit: String,
        /// Why.
        detail: String,
    },
    /// A crate does not compile.
    #[error("{0}")]
    Build(String),
    /// What was compiled is of no use to a unit.
    #[error("{0}")]
    Module(#[from] ModuleError),
    /// Tests of a crate fail.
    #[error("tests of `{0}` fail, see above")]
    Tests(String),
    /// The operating system refused something else.
    #[error("{0}")]
    System(String),
    /// What was computed differs from what must be.
    #[error("{0}")]
    Verification(String),
    /// What was checked does not hold, which is already printed for programs.
    #[error("{0}")]
    Disproven(String),
    /// The actor answered with an error that is already printed.
    #[error("{detail}")]
    Answered {
        /// The actor's word.
        code: String,
        /// The actor's sentence.
        detail: String,
    },
    /// The process's schema has no such method, so nothing was sent.
    #[error("{0}")]
    UnknownMethod(String),
    /// Something of the set-up is wrong, which is already printed.
    #[error("{0}")]
    Unwell(String),
    /// A module would break the callers of a process.
    #[error("{0}: --force upgrades all the same")]
    Breaking(String),
    /// Whoever read stdout has what they wanted and went away: nothing to complain about.
    #[error("nobody reads what is printed")]
    ReaderGone,
}

impl NodeError {
    /// The stable kebab-case word for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Client(error) => error.code(),
            Self::Usage(_) => "usage",
            Self::NoCluster(_) => "no-cluster",
            Self::InUse { .. } => "data-in-use",
            Self::PortTaken { .. } => "port-taken",
            Self::File { .. } => "file",
            Self::BadFile { .. } => "bad-file",
            Self::NoKey { .. } => "no-key",
            Self::KeyLocked { .. } => "key-locked",
            Self::BadPassphrase { .. } => "bad-passphrase",
            Self::KeyExposed { .. } => "key-exposed",
            Self::Unit { .. } => "unit-failed",
            Self::Gateway(error) if error.is_taken() => "port-taken",
            Self::Gateway(_) => "gateway-failed",
            Self::Build(_) => "build-failed",
            Self::Module(_) => "bad-module",
            Self::Tests(_) => "tests-failed",
            Self::System(_) => "system",
            Self::Verification(_) | Self::Disproven(_) => "verification-failed",
            Self::Answered { code, .. } => code,
            Self::Breaking(_) => "breaking-upgrade",
            Self::UnknownMethod(_) => "unknown-method",
            Self::Unwell(_) => "unwell",
            Self::ReaderGone => "reader-gone",
        }
    }

    /// The stable number; those below 300 are the client's.
    pub(crate) fn number(&self) -> u16 {
        match self {
            Self::Client(error) => error.number(),
            Self::Usage(_) => 300,
            Self::NoCluster(_) => 301,
            Self::InUse { .. } => 302,
            Self::PortTaken { .. } => 303,
            Self::File { .. } => 304,
            Self::BadFile { .. } => 305,
            Self::NoKey { .. } => 306,
            Self::Unit { .. } => 307,
            Self::Gateway(error) if error.is_taken() => 303,
            Self::Gateway(_) => 310,
            Self::System(_) => 308,
            Self::Verification(_) | Self::Disproven(_) => 309,
            Self::Answered { .. } => 200,
            Self::ReaderGone => 311,
            Self::Breaking(_) => 312,
            Self::Build(_) => 313,
            Self::Module(_) => 314,
            Self::Tests(_) => 315,
            Self::UnknownMethod(_) => 320,
            Self::Unwell(_) => 321,
            Self::KeyLocked { .. } => 330,
            Self::BadPassphrase { .. } => 331,
            Self::KeyExposed { .. } => 332,
        }
    }

    /// 0 done, 1 environment, 2 usage, 3 refused by a unit, 4 the actor's error, 5 verification failed.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => match error {
                ClientError::Refused { refusal, .. } => match refusal.code {
                    RefusalCode::ViewFailed => 4,
                    // The unit asked is not the one that is away; nobody refused anything.
                    RefusalCode::Unreachable => 1,
                    _ => 3,
                },
                ClientError::Unreachable { .. }
                | ClientError::NoUnit { .. }
                | ClientError::NoAnswerYet { .. }
                | ClientError::Closed
                | ClientError::System(_) => 1,
                ClientError::BadRequest(_) | ClientError::NoKey => 2,
                ClientError::Actor(_) => 4,
                ClientError::Unverified { .. } | ClientError::Broken { .. } => 5,
            },
            Self::Usage(_)
            | Self::NoKey { .. }
            | Self::KeyLocked { .. }
            | Self::BadPassphrase { .. }
            | Self::Breaking(_) => 2,
            Self::NoCluster(_)
            | Self::InUse { .. }
            | Self::PortTaken { .. }
            | Self::Gateway(_)
            | Self::File { .. }
            | Self::BadFile { .. }
            | Self::KeyExposed { .. }
            | Self::Unit { .. }
            | Self::Build(_)
            | Self::Unwell(_)
            | Self::System(_) => 1,
            Self::Verification(_) | Self::Disproven(_) | Self::Module(_) | Self::Tests(_) => 5,
            Self::Answered { .. } | Self::UnknownMethod(_) => 4,
            Self::ReaderGone => 0,
        }
    }

    /// The message whose answer is awaited in vain.
    pub(crate) const fn message(&self) -> Option<EntryId> {
        match self {
            Self::Client(ClientError::NoAnswerYet { message, .. }) => Some(*message),
            _ => None,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(crate) fn system(error: impl ToString) -> Self {
        Self::System(error.to_string())
    }

    pub(crate) fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }
}

#[cfg(test)]
mod tests;
