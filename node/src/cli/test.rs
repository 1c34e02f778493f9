//! `test`: the native tests of an actor's crate.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::options::Globals;
use crate::{error::NodeError, project::Package};

/// Run the native tests of an actor's crate, without a cluster.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The crate's directory
    #[arg(default_value = ".")]
    path: PathBuf,
    /// What to hand on to `cargo test`
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

/// Tests that passed.
#[derive(Debug, Serialize)]
struct TestedShape {
    name: String,
    passed: bool,
}

impl Test {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let package = Package::open(&self.path)?;
        // What tests print is no data for programs.
        if !package.test(&self.args, globals.json)? {
            return Err(NodeError::Tests(package.name));
        }
        match globals.json {
            true => globals.output().object(&TestedShape { name: package.name, passed: true }),
            false => Ok(()),
        }
    }
}
