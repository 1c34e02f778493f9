//! `ps`: the processes of all schedulers.

use protocol::{Spawn, codec};
use serde::Serialize;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{ProcessShape, printable, table},
};

#[derive(Debug, Serialize)]
struct Processes {
    processes: Vec<ProcessShape>,
}

pub(crate) async fn run(globals: &Globals) -> Result<(), NodeError> {
    let session = Session::open(globals, Access::Read).await?;
    let mut processes = Vec::new();
    for (scheduler, entry) in session.client.processes().await? {
        let spawn: Spawn = codec::decode(&entry.spawn).map_err(NodeError::system)?;
        processes.push(ProcessShape {
            process: entry.process,
            name: spawn.name,
            slots: entry.next.get(),
            time: entry.time.get(),
            module: spawn.module,
            scheduler,
        });
    }
    let heading = ["process", "name", "slots"].map(str::to_owned).to_vec();
    let rows = processes.iter().map(|process| {
        vec![process.process.to_string(), printable(&process.name), process.slots.to_string()]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    session.output.print(&Processes { processes }, || table(&rows))
}
