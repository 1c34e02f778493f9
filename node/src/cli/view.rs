//! `view`: a question that changes nothing.

use clap::Args;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::Viewed};

/// Ask a process without changing it.
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
        let view = session.client.view(process, &self.method, &args, None).await?;
        let viewed = Viewed::of(&view);
        session.output.print(&viewed, || viewed.reply.to_string())
    }
}
