//! `controller`: who may upgrade, move and stop a process.

use clap::Args;
use protocol::{ControlAction, Principal};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::ControlShape};

/// Hand the control of a process to another account, or give it up for good.
#[derive(Debug, Args)]
pub(crate) struct Controller {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The account: its id, the name of a key of the data directory, or the beginning of its id
    #[arg(required_unless_present = "renounce", conflicts_with = "renounce")]
    account: Option<String>,
    /// Nobody shall control the process ever again
    #[arg(long)]
    renounce: bool,
}

impl Controller {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let controller = match &self.account {
            Some(account) => Principal::Account(session.account(account)?),
            None => Principal::Anonymous,
        };
        let ordered = session.order(process, ControlAction::Controller(controller)).await?;
        ControlShape::of(&ordered, true).print(session.output)
    }
}
