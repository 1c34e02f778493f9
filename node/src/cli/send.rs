//! `send`: a message, and its reply.

use antiphon_client::SendResult;
use clap::Args;
use protocol::json::to_json;

use super::{
    call::CallOptions,
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
    #[command(flatten)]
    call: CallOptions,
}

impl Send {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let call = self.call.prepare(&session).await?;
        let result =
            session.client.call(call.process, &call.method, &call.args, session.timeout).await?;
        print(&session, &result).map_err(|error| call.explain(error))
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
