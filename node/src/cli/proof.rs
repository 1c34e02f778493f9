//! `proof`: a file that shows something, checked without any cluster.

use std::{fs, path::PathBuf};

use clap::Args;

use super::options::Globals;
use crate::{
    error::NodeError,
    evidence::{self, Network},
};

/// The longest file that is looked at, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// Check a proof or fault file offline, and say what it proves and by whom.
///
/// Signatures must be of the network that --network names, else of that of the data directory,
/// else of the one that the file itself names.
#[derive(Debug, Args)]
pub(crate) struct ProofOptions {
    /// The file
    file: PathBuf,
}

impl ProofOptions {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let file = || NodeError::file(&self.file);
        let size = fs::metadata(&self.file).map_err(file())?.len();
        if size > FILE_MAX {
            return Err(NodeError::usage(format!(
                "{} has {size} bytes, more than any proof",
                self.file.display()
            )));
        }
        let bytes = fs::read(&self.file).map_err(file())?;
        let shape = evidence::judge(&bytes, network(globals)?);
        let output = globals.output();
        if !shape.holds {
            if output.json {
                output.object(&shape)?;
            }
            return Err(NodeError::Disproven(shape.detail));
        }
        output.print(&shape, || match (shape.network, shape.network_from) {
            (Some(network), Some("file")) => {
                format!("{}\nnetwork {network}, as the file itself says", shape.detail)
            }
            _ => shape.detail.clone(),
        })
    }
}

fn network(globals: &Globals) -> Result<Network, NodeError> {
    if let Some(network) = globals.network {
        return Ok(Network::Option(network));
    }
    // Without a home directory there is no data directory to ask.
    let data = globals.data().ok().map(|data| data.network()).transpose()?;
    Ok(data.flatten().map_or(Network::File, Network::Data))
}
