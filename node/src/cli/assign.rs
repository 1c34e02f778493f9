//! `assign`: shows a message that somebody signed to another process.

use clap::Args;
use tokio::time::Instant;

use super::{
    completing,
    options::Globals,
    send,
    session::{Access, Session},
};
use crate::error::NodeError;

/// Show a message that stands in some log to a process, in the name of your account.
#[derive(Debug, Args)]
pub(crate) struct Assign {
    /// A message that an account signed: its id, the beginning of it, or PROCESS:SLOT
    message: String,
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
}

impl Assign {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let message = session.message(&self.message).await?;
        let process = session.process(&self.process).await?;
        let deadline = Instant::now() + session.timeout;
        let shown = session.client.assign(message, process, session.timeout).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        send::print(&session, &session.client.final_reply(shown, left).await?)
    }
}
