//! `takeover`: another scheduler for a process whose own is lost.

use std::time::Duration;

use clap::Args;
use protocol::{ControlAction, Role};

use super::{
    completing,
    moving::print_handover,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::note};

/// How long a scheduler that is lost may take to show that it is not.
const LOST: Duration = Duration::from_secs(2);

/// Let another scheduler go on with a process whose own is lost for good.
///
/// It goes on behind the last slot that enough compute units attest. What the lost scheduler ordered
/// behind that is void. If the scheduler is up, use `move`.
#[derive(Debug, Args)]
pub(crate) struct Takeover {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The scheduler that goes on: its id, the beginning of it, or its name
    scheduler: String,
    /// Also if the present scheduler answers
    #[arg(long)]
    force: bool,
}

impl Takeover {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let client = &session.client;
        let process = session.process(&self.process).await?;
        let to = session.unit(&self.scheduler, &[Role::Scheduler])?;
        let described = client.recover(process).await?;
        let present = described.source.scheduler();
        if present == to {
            let there =
                || NodeError::usage(format!("{to} has ordered the process since its spawn"));
            let adoption = described.handed_over().ok_or_else(there)?;
            session.adopt(to, &adoption).await?;
            return print_handover(&session, process).await;
        }
        if !self.force && client.status_of(present, LOST).await.is_ok() {
            return Err(NodeError::usage(format!(
                "{present} is up: `antiphon move` loses nothing; --force takes over all the same"
            )));
        }
        let (slot, attested) = client.attested(process).await?;
        let chain = attested.first().map(|receipt| receipt.leaf.chain);
        let chain = chain.ok_or_else(|| NodeError::usage("no compute unit attests a slot"))?;
        note(&format!("going on behind slot {slot}, which {} attest", attested.len()));
        let action = ControlAction::Takeover { scheduler: to, slot, chain };
        let control = client.prepare_control(process, action)?;
        session.adopt(to, &described.adoption(control, attested)).await?;
        print_handover(&session, process).await
    }
}
