//! `spawn`: a new process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use antiphon_client::{Client, SpawnOptions};
use clap::Args;
use protocol::{Limits, Role, schema::MethodKind};

use super::{
    call,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    arguments::Words,
    error::NodeError,
    output::{ActorError, SpawnedShape, note},
};

/// Spawn a process from a Wasm module.
#[derive(Debug, Args)]
pub(crate) struct Spawn {
    /// The module
    file: PathBuf,
    /// What to call the process; also its name in the address book
    #[arg(long)]
    name: Option<String>,
    /// Arguments of the initialiser, as JSON
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Arguments of the initialiser: NAME=VALUE for each parameter, or all in one JSON object
    #[arg(value_name = "NAME=VALUE|JSON", conflicts_with = "args", allow_negative_numbers = true)]
    words: Vec<String>,
    /// The scheduler that shall order its log: its id, the beginning of it, or its name [default:
    /// any]
    #[arg(long, value_name = "UNIT")]
    scheduler: Option<String>,
}

impl Spawn {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let words = match self.args.as_ref() {
            Some(json) => Words::Json(json.clone()),
            None => Words::of(&self.words).map_err(NodeError::usage)?,
        };
        let module = read_module(&self.file)?;
        let schema = Client::schema_of(&module);
        let init = schema.as_ref().and_then(|schema| {
            schema.methods.iter().find(|method| method.kind == MethodKind::Init)
        });
        let session = Session::open(globals, Access::Sign).await?;
        let args = call::read(&session, words, init).await?;
        let scheduler = self.scheduler.as_deref();
        let scheduler = scheduler.map(|text| session.unit(text, &[Role::Scheduler])).transpose()?;
        let options = SpawnOptions {
            name: self.name.clone().unwrap_or_default(),
            args,
            scheduler,
            timeout: session.timeout,
            ..SpawnOptions::new(module)
        };
        let spawned = session.client.spawn(options).await?;
        let process = spawned.process;
        let error = spawned.birth.failure().map(ActorError::from);
        let shape = SpawnedShape {
            process,
            message: spawned.birth.message,
            slot: spawned.birth.slot().get(),
            error: error.clone(),
        };
        if let Some(ActorError { code, detail }) = error {
            if session.output.json {
                session.output.object(&shape)?;
            }
            return Err(NodeError::Answered { code, detail });
        }
        if let Some(name) = self.name {
            for (name, before) in session.data.book().put([(name, process)])? {
                note(&format!("`{name}` was {before} before"));
            }
        }
        session.output.print(&shape, || process.to_string())
    }
}

/// Reads a module. Looks at the size first: nothing is read that is refused anyway.
pub(super) fn read_module(file: &Path) -> Result<Vec<u8>, NodeError> {
    let size = fs::metadata(file).map_err(NodeError::file(file))?.len();
    let most = Limits::MODULE_BYTES_MAX;
    if size > most as u64 {
        return Err(NodeError::usage(format!(
            "{} has {size} bytes, more than the limit of {most}",
            file.display()
        )));
    }
    fs::read(file).map_err(NodeError::file(file))
}
