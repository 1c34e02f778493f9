//! `send`: a message, and its reply.

use antiphon_client::SendResult;
use clap::Args;
use protocol::json::to_json;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{ActorError, Sent},
};

/// Send a message to a process and wait for its reply.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The process: its id, the beginning of it, or a name
    process: String,
    /// The method to call
    method: String,
    /// The arguments: a JSON object, or a lone value for a lone parameter
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,
}

impl Send {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let args = session.args(process, &self.method, self.args.as_deref()).await?;
        let result = session.client.call(process, &self.method, &args, session.timeout).await?;
        print(&session, &result)
    }
}

/// Prints what came of a message.
pub(super) fn print(session: &Session, result: &SendResult) -> Result<(), NodeError> {
    let sent = Sent::with_reply(result);
    if let Some(failure) = result.failure() {
        if session.output.json {
            session.output.object(&sent)?;
        }
        let ActorError { code, detail } = failure.into();
        return Err(NodeError::Answered { code, detail });
    }
    let reply = result.reply()?;
    session.output.print(&sent, || to_json(&reply).to_string())
}
