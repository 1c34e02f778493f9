//! `replay`: what a log would have come to with another module.

use std::path::PathBuf;

use clap::Args;
use protocol::{ModuleId, Slot};
use tokio::sync::mpsc;

use super::{
    options::Globals,
    session::{Access, Session},
    spawn::read_module,
};
use crate::{
    error::NodeError,
    output::{DivergenceShape, SummaryShape, line},
    replay::{self, Subject, Supposition},
};

/// Changes of the state in the end that are shown.
const CHANGES_MAX: usize = 50;

/// Replay a process on this machine with another module, and show each slot that would have come to
/// something else.
///
/// The module takes the place of the one that the process was spawned with, or, with --from, that of
/// the present one before that slot, as an upgrade would bring it: with its migration. The log stays
/// as it is: what others would have answered to other messages is not known. Upgrades in the log are
/// executed as they stand. The exit code is 0 whether or not something differs.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The process: its id, the beginning of it, or a name
    process: String,
    /// The other module
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
    /// The slot before which the module comes [default: the process is spawned with it]
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// The last slot [default: that of the log]
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// Give the module the memory image of the present one, which is not asked to save its state
    #[arg(long, requires = "from")]
    raw: bool,
    /// Take slots that differ in gas alone as equal
    #[arg(long)]
    ignore_gas: bool,
    /// Replay from slot 0, believing no unit's checkpoint
    #[arg(long)]
    no_checkpoint: bool,
}

impl Replay {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let module = read_module(&self.with)?;
        let id = ModuleId::of(&module);
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        let subject = Subject::open(&session.client, process).await?;
        let supposition = Supposition {
            module,
            from: self.from.map(Slot::new),
            to: self.to.map(Slot::new),
            raw: self.raw,
            ignore_gas: self.ignore_gas,
            checkpoints: !self.no_checkpoint,
        };
        let (sender, mut receiver) = mpsc::channel(replay::WAITING);
        let progress = replay::progress()?;
        let comparing =
            async move { Box::pin(replay::suppose(&subject, supposition, progress, sender)).await };
        let printing = async {
            while let Some(divergence) = receiver.recv().await {
                let shape = DivergenceShape::of(&divergence);
                if session.output.json {
                    session.output.object(&shape)?;
                } else {
                    line(&shape.line())?;
                }
            }
            Ok::<_, NodeError>(())
        };
        let (comparison, ()) = tokio::try_join!(comparing, printing)?;
        let shape = SummaryShape::of(process, id, &comparison, CHANGES_MAX);
        session.output.print(&shape, || shape.text())
    }
}
