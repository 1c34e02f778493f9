//! `assign`: shows a message that somebody signed to another process.

use clap::Args;
use protocol::EntryId;
use tokio::time::Instant;

use super::{
    options::Globals,
    send,
    session::{Access, Session},
};
use crate::error::NodeError;

/// Show a message that stands in some log to a process, in the name of your account.
#[derive(Debug, Args)]
pub(crate) struct Assign {
    /// The id of a message that an account signed
    message: EntryId,
    /// The process: its id, the beginning of it, or a name
    process: String,
}

impl Assign {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let deadline = Instant::now() + session.timeout;
        let shown = session.client.assign(self.message, process, session.timeout).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        send::print(&session, &session.client.final_reply(shown, left).await?)
    }
}
