//! `proof`: a file that shows something, checked without any cluster, or written.

use std::{fs, path::PathBuf};

use clap::Args;
use protocol::{Proof, Slot, codec};

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    cluster::write_whole,
    error::NodeError,
    evidence::{self, Network},
    output::{Output, ProofShape},
};

/// The longest file that is looked at, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// Check a proof or fault file offline, and say what it proves and by whom.
///
/// Signatures must be of the network that --network names, else of that of the data directory,
/// else of the one that the file itself names.
///
/// With --out, write such a file: the scheduler's proof that a message, or what stands in a slot, has
/// its place in a log, or that a message was refused for good.
#[derive(Debug, Args)]
pub(crate) struct ProofOptions {
    /// The file; with --out a message by its id or the beginning of it, or PROCESS:SLOT
    #[arg(value_name = "FILE|MESSAGE|PROCESS:SLOT")]
    what: PathBuf,
    /// Where to write the proof
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ProofOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        if let Some(out) = self.out {
            let what = self.what.to_str().unwrap_or_default();
            let session = Session::open(globals, Access::Read).await?;
            let bytes = codec::encode(&prove(&session, what).await?);
            write_whole(&out, &bytes)?;
            let network = Network::Data(session.client.network());
            return print(evidence::judge(&bytes, network), session.output);
        }
        let file = || NodeError::file(&self.what);
        let size = fs::metadata(&self.what).map_err(file())?.len();
        if size > FILE_MAX {
            return Err(NodeError::usage(format!(
                "{} has {size} bytes, more than any proof",
                self.what.display()
            )));
        }
        let bytes = fs::read(&self.what).map_err(file())?;
        print(evidence::judge(&bytes, network(globals)?), globals.output())
    }
}

fn print(shape: ProofShape, output: Output) -> Result<(), NodeError> {
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

/// The proof of a message's or a slot's assignment, or of the message's final refusal.
async fn prove(session: &Session, what: &str) -> Result<Proof, NodeError> {
    let client = &session.client;
    if let Some((process, slot)) = what.rsplit_once(':') {
        let slot = slot.parse().map_err(|_| NodeError::usage(format!("`{slot}` is no slot")))?;
        let (process, slot) = (session.process(process).await?, Slot::new(slot));
        let page = client.log(process, slot).page(1).await?;
        let missing = || NodeError::usage(format!("the log has no slot {slot} yet"));
        let record = page.records.first().ok_or_else(missing)?;
        return Ok(Proof::Assignment(Box::new(client.proof(&record.assignment).await?)));
    }
    let entry = session.message(what).await?;
    match client.find(entry).await {
        Ok(record) => Ok(Proof::Assignment(Box::new(client.proof(&record.assignment).await?))),
        // What was refused for good is in no log.
        Err(error) => match client.refusal(entry).await {
            Ok(proof) => Ok(Proof::Refusal(Box::new(proof))),
            Err(_) => Err(error.into()),
        },
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
