//! `view`: a question that changes nothing.

use antiphon_client::ClientError;
use clap::Args;

use super::{
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
    /// The process: its id, the beginning of it, or a name
    process: String,
    /// The method to call
    method: String,
    /// The arguments: a JSON object, or a lone value for a lone parameter
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,
}

impl View {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        let args = session.args(process, &self.method, self.args.as_deref()).await?;
        let at_least = match session.client.head(process).await {
            Ok(head) => Some(head.slot),
            // Whoever executes answers even where whoever orders is down.
            Err(ClientError::Unreachable { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let view = session.client.view(process, &self.method, &args, at_least);
        let view = tokio::time::timeout(session.timeout, view).await.unwrap_or_else(|_| {
            Err(ClientError::Unreachable { detail: NOT_THERE_YET.to_owned() })
        })?;
        let viewed = Viewed::of(&view);
        session.output.print(&viewed, || viewed.reply.to_string())
    }
}
