//! `watch`: a process that runs what stands in an actor's sources.

use std::path::{Path, PathBuf};

use antiphon_client::{Client, ClientError, SpawnOptions, Upgrade};
use clap::Args;
use protocol::{ModuleId, ProcessId, Slot, schema::MethodKind};
use serde::Serialize;
use tokio::{sync::watch, task::spawn_blocking};

use super::{
    build::{Built, BuiltShape},
    log::Log,
    options::Globals,
    session::{Access, Session, read_args},
};
use crate::{
    error::NodeError,
    output::note,
    project::{Changes, Package},
    stop::Signals,
};

/// Build an actor's crate whenever it changes, have a process run it, and print the process's log,
/// until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The crate's directory
    #[arg(default_value = ".")]
    path: PathBuf,
    /// What the process is called; one that nobody has called so yet is spawned
    #[arg(long, value_name = "NAME")]
    process: String,
    /// Arguments of the initialiser where the process is spawned, as JSON
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
}

/// A process, and the slot from which on its log is printed.
type Place = (ProcessId, Slot);

/// What has happened, for programs. Slots of the log are printed as `log` does.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Happened {
    Built(BuiltShape),
    Running { process: ProcessId, module: ModuleId, slot: u64 },
}

impl Watch {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        if self.process.parse::<ProcessId>().is_ok() {
            return Err(NodeError::usage("--process takes a name, for what it names may change"));
        }
        let mut signals = Signals::listen()?;
        let directory = Package::open(&self.path)?.directory;
        // From before the first build on, so that no change is missed.
        let changes = Changes::of(&directory)?;
        let session = Session::open(globals, Access::Sign).await?;
        let (running, followed) = watch::channel(None);
        tokio::select! {
            () = signals.any() => Ok(()),
            ended = self.work(&session, &directory, &changes, &running) => ended,
            ended = tail(&session, followed) => ended,
        }
    }

    /// Builds and runs after every change. A mistake in the sources ends nothing.
    async fn work(
        &self,
        session: &Session,
        directory: &Path,
        changes: &Changes,
        running: &watch::Sender<Option<Place>>,
    ) -> Result<(), NodeError> {
        let mut last = None;
        loop {
            match self.once(session, directory, running, &mut last).await {
                Ok(()) => {}
                Err(NodeError::ReaderGone) => return Err(NodeError::ReaderGone),
                Err(error) => session.output.failure(&error),
            }
            changes.next().await;
        }
    }

    /// Builds once, and has the process run what came out unless it does already.
    async fn once(
        &self,
        session: &Session,
        directory: &Path,
        running: &watch::Sender<Option<Place>>,
        last: &mut Option<ModuleId>,
    ) -> Result<(), NodeError> {
        let directory = directory.to_owned();
        let built = spawn_blocking(move || Built::of(&directory)).await;
        let built = built.map_err(NodeError::system)??;
        let shape = BuiltShape::of(&built);
        let module = ModuleId::of(&built.module.wasm);
        report(session, &Happened::Built(shape), || {
            format!("built {}, {} bytes", built.path.display(), built.module.wasm.len())
        })?;
        if *last == Some(module) {
            return Ok(());
        }
        let (process, slot) = match session.data.book().get(&self.process)? {
            Some(process) => self.replace(session, process, built.module.wasm).await?,
            None => self.spawn(session, built.module.wasm).await?,
        };
        *last = Some(module);
        let happened = Happened::Running { process, module, slot: slot.get() };
        report(session, &happened, || format!("`{}` runs it: {process}", self.process))?;
        running.send_replace(Some((process, slot)));
        Ok(())
    }

    /// Has a process that runs go on with another module; it goes on as it is if that fails.
    async fn replace(
        &self,
        session: &Session,
        process: ProcessId,
        module: Vec<u8>,
    ) -> Result<Place, NodeError> {
        let upgrade = Upgrade { timeout: session.timeout, ..Upgrade::new(module) };
        let upgraded = session.client.upgrade(process, upgrade).await?;
        match upgraded.failure() {
            Some(failure) => Err(ClientError::Actor(failure.clone()).into()),
            None => Ok((process, upgraded.slot())),
        }
    }

    async fn spawn(&self, session: &Session, module: Vec<u8>) -> Result<Place, NodeError> {
        let schema = Client::schema_of(&module);
        let init = schema.as_ref().and_then(|schema| {
            schema.methods.iter().find(|method| method.kind == MethodKind::Init)
        });
        let args = read_args(self.args.as_deref(), init)?;
        let (name, timeout) = (self.process.clone(), session.timeout);
        let options = SpawnOptions { name, args, timeout, ..SpawnOptions::new(module) };
        let spawned = session.client.spawn(options).await?;
        if let Some(failure) = spawned.birth.failure() {
            return Err(ClientError::Actor(failure.clone()).into());
        }
        session.data.book().put([(self.process.clone(), spawned.process)])?;
        Ok((spawned.process, spawned.birth.slot()))
    }
}

/// Prints the log of whichever process runs.
async fn tail(
    session: &Session,
    mut running: watch::Receiver<Option<Place>>,
) -> Result<(), NodeError> {
    loop {
        let place = *running.borrow_and_update();
        let follow = async {
            match place {
                Some((process, from)) => Log::all(from).follow(session, process).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = follow => return ended,
            // Whoever says what runs lives as long as this.
            changed = running.changed() => changed.map_err(NodeError::system)?,
        }
    }
}

/// Tells programs on stdout, and people beside the log.
fn report(
    session: &Session,
    happened: &Happened,
    text: impl FnOnce() -> String,
) -> Result<(), NodeError> {
    if session.output.json {
        return session.output.object(happened);
    }
    note(&text());
    Ok(())
}
