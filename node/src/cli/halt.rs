//! `stop`: the end of a process.

use clap::Args;
use protocol::ControlAction;

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::ControlShape};

/// Stop a process for good: it accepts no further messages; its log and state stay readable.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
}

impl Stop {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let ordered = session.order(process, ControlAction::Stop).await?;
        ControlShape::of(&ordered, false).print(session.output)
    }
}
