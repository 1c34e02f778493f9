//! `view`: a question that changes nothing.

use antiphon_client::ClientError;
use clap::Args;

use super::{
    call::CallOptions,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::Viewed};

/// What is said when the time is up.
const NOT_THERE_YET: &str = "no compute unit has executed the log as far as it stood when the view \
    was asked for; try again later, or look at the units with `antiphon status`";

/// Ask a process without changing it; the answer is at least as new as everything acknowledged
/// before.
#[derive(Debug, Args)]
pub(crate) struct View {
    #[command(flatten)]
    call: CallOptions,
}

impl View {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let call = self.call.prepare(&session).await?;
        let process = call.process;
        let at_least = match session.client.head(process).await {
            Ok(head) => Some(head.slot),
            // Whoever executes answers even where whoever orders is down.
            Err(ClientError::Unreachable { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let view = session.client.view(process, &call.method, &call.args, at_least);
        let view = tokio::time::timeout(session.timeout, view)
            .await
            .unwrap_or_else(|_| Err(ClientError::Unreachable { detail: NOT_THERE_YET.to_owned() }));
        let view = view.map_err(|error| call.explain(error.into()))?;
        let viewed = Viewed::of(&view);
        session.output.print(&viewed, || viewed.reply.to_string())
    }
}
