//! `completions`: what a shell needs to complete commands.

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use serde::Serialize;

use super::{completing::ASKED, options::Globals};
use crate::error::NodeError;

/// The command's name.
const NAME: &str = "antiphon";

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// `source <(antiphon completions bash)` in ~/.bashrc
    Bash,
    /// `source <(antiphon completions zsh)` in ~/.zshrc
    Zsh,
    /// `antiphon completions fish | source` in ~/.config/fish/config.fish
    Fish,
}

/// Print a script that lets a shell complete commands, with the processes and methods that are there.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A script for a shell.
#[derive(Debug, Serialize)]
struct Script {
    script: String,
}

impl Completions {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let script = self.shell.script()?;
        globals.output().print(&Script { script: script.clone() }, || script)
    }
}

impl Shell {
    /// The script, which calls whatever `antiphon` the shell finds.
    fn script(self) -> Result<String, NodeError> {
        let shell: &dyn EnvCompleter = match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
        };
        let mut script = Vec::new();
        shell
            .write_registration(ASKED, NAME, NAME, NAME, &mut script)
            .map_err(NodeError::system)?;
        let script = String::from_utf8(script).map_err(NodeError::system)?;
        Ok(script.trim().to_owned())
    }
}

#[cfg(test)]
mod tests;
