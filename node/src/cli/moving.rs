//! `move`: another scheduler for a process.
//!
//! The new scheduler fetches the log while the old one still orders it; then the controller's order
//! ends the epoch, and the new one fetches the rest. Wherever that breaks off, running it again brings
//! it to its end.

use std::time::Duration;

use antiphon_client::Described;
use clap::Args;
use protocol::{Control, ControlAction, ProcessId, Role, Signed, UnitId};
use tokio::time::{Instant, sleep};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::HandoverShape};

/// How many slots the new scheduler may be behind when the old one is told to stop.
const NEAR: u64 = 256;

/// How long to wait before the new scheduler is asked how far it is.
const PAUSE: Duration = Duration::from_millis(100);

/// For how long a signed order is submitted; then it is signed anew, well before it expires.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// Let another scheduler order a process.
///
/// Messages and tells follow by themselves. Safe to run again, wherever it was interrupted.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The scheduler: its id, the beginning of it, or its name
    scheduler: String,
}

impl Move {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let to = session.unit(&self.scheduler, &[Role::Scheduler])?;
        let described = session.client.describe_again(process).await?;
        let adoption = if described.source.scheduler() == to {
            let there =
                || NodeError::usage(format!("{to} has ordered the process since its spawn"));
            described.handed_over().ok_or_else(there)?
        } else {
            let control = seal(&session, process, &described, to).await?;
            described.adoption(control, Vec::new())
        };
        session.adopt(to, &adoption).await?;
        print_handover(&session, process).await
    }
}

/// Brings the new scheduler near the end of the log, then ends the epoch.
async fn seal(
    session: &Session,
    process: ProcessId,
    described: &Described,
    to: UnitId,
) -> Result<Signed<Control>, NodeError> {
    let client = &session.client;
    let sign = || client.prepare_control(process, ControlAction::Move(to));
    let (mut control, signed) = (sign()?, Instant::now());
    let mut patience = Instant::now() + session.timeout;
    let mut last = None;
    loop {
        let adoption = described.adoption(control.clone(), Vec::new());
        let adopted = client.adopt(to, adoption).await?;
        let head = client.head(process).await?.slot;
        if adopted.next.get().saturating_add(NEAR) > head.get() {
            break;
        }
        if last.is_some_and(|last| adopted.next > last) {
            patience = Instant::now() + session.timeout;
        }
        last = Some(adopted.next);
        if Instant::now() > patience {
            return Err(NodeError::System(format!(
                "{to} has come to slot {} of {head} and no further; nothing has changed",
                adopted.next
            )));
        }
        sleep(PAUSE).await;
    }
    if signed.elapsed() > SIGNED_FOR {
        control = sign()?;
    }
    client.submit_control(control.clone(), session.timeout).await?;
    Ok(control)
}

/// Prints how a process came to its present scheduler.
pub(super) async fn print_handover(session: &Session, process: ProcessId) -> Result<(), NodeError> {
    let described = session.client.describe_again(process).await?;
    let handover = described.last_handover();
    let missing = || NodeError::System("no scheduler tells of the hand-over yet".to_owned());
    let shape = HandoverShape::of(process, handover.ok_or_else(missing)?);
    session.output.print(&shape, || {
        let HandoverShape { from, to, epoch, slot, .. } = &shape;
        format!("{process} is ordered by {to}\nbefore by {from}\nsince slot {slot}, epoch {epoch}")
    })
}
