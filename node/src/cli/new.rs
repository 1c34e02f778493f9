//! `new`: a crate for a new actor.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::options::Globals;
use crate::{
    error::NodeError,
    output::note,
    project::{CrateName, Sdk, SdkSource, Template},
};

/// Make a crate for a new actor, with a test that passes.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The directory to make; its last part is the crate's name
    path: PathBuf,
    /// What to begin with
    #[arg(long, value_enum, default_value_t = Template::Counter)]
    template: Template,
    /// A checkout or a git URL to have the SDK from [default: the SDK that this program carries]
    #[arg(long, value_name = "PATH|URL")]
    sdk: Option<SdkSource>,
}

/// A new crate.
#[derive(Debug, Serialize)]
struct NewShape {
    name: String,
    path: PathBuf,
    sdk: String,
}

impl New {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name: CrateName = name
            .parse()
            .map_err(|error| NodeError::usage(format!("`{}`: {error}", self.path.display())))?;
        let sdk = match &self.sdk {
            Some(source) => Sdk::from_source(source)?,
            None => {
                let home = globals.user_data()?;
                home.create()?;
                Sdk::carried(home.path())?
            }
        };
        let path = self.template.write(&self.path, &name, &sdk)?;
        let shape = NewShape { name: name.to_string(), path, sdk: sdk.shown };
        globals.output().print(&shape, || shape.path.display().to_string())?;
        if !globals.json {
            let at = self.path.display();
            note(&format!("next: antiphon test {at}, then antiphon build {at}"));
        }
        Ok(())
    }
}
