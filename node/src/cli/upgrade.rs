//! `upgrade`: another module for a process.

use std::path::PathBuf;

use antiphon_client::{Client, Upgrade};
use clap::Args;
use protocol::{
    ModuleId, ProcessId,
    schema::{Schema, breaking_changes},
};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
    spawn::read_module,
};
use crate::{
    error::NodeError,
    output::{ActorError, UpgradedShape},
};

/// Let a process go on with another module, which takes over what the present one saves.
#[derive(Debug, Args)]
pub(crate) struct UpgradeOptions {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The module
    file: PathBuf,
    /// Give the module the memory image of the present one, which is not asked to save its state
    #[arg(long)]
    raw: bool,
    /// Upgrade even if callers of the process would break
    #[arg(long)]
    force: bool,
}

impl UpgradeOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let module = read_module(&self.file)?;
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        if !self.force {
            check(&session, process, &module).await?;
        }
        let id = ModuleId::of(&module);
        let upgrade = Upgrade { raw: self.raw, timeout: session.timeout, ..Upgrade::new(module) };
        let result = session.client.upgrade(process, upgrade).await?;
        let error = result.failure().map(ActorError::from);
        let shape = UpgradedShape {
            process,
            module: id,
            message: result.message,
            slot: result.slot().get(),
            gas: result.outcome.gas.get(),
            error: error.clone(),
        };
        if let Some(ActorError { code, detail }) = error {
            if session.output.json {
                session.output.object(&shape)?;
            }
            return Err(NodeError::Answered { code, detail });
        }
        session.output.print(&shape, || format!("{process} is {id} since slot {}", shape.slot))
    }
}

/// Refuses a module that callers of the process could not go on with.
async fn check(session: &Session, process: ProcessId, module: &[u8]) -> Result<(), NodeError> {
    // Nothing is known of what nobody can read.
    let Some(old) = session.client.schema(process).await? else { return Ok(()) };
    let broken = broken(&old, Client::schema_of(module).as_ref());
    if broken.is_empty() { Ok(()) } else { Err(NodeError::Breaking(broken.join("; "))) }
}

/// What a module breaks, in sentences.
fn broken(old: &Schema, new: Option<&Schema>) -> Vec<String> {
    match new {
        Some(new) => breaking_changes(old, new).iter().map(ToString::to_string).collect(),
        None => vec!["the module has no schema, and the present one has".to_owned()],
    }
}
