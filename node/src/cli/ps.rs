//! `ps`: the processes of all schedulers.

use protocol::{Spawn, codec};
use serde::Serialize;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    clock,
    error::NodeError,
    output::{ProcessShape, ago, printable, short, table},
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
    let now = clock::now();
    let heading = ["process", "name", "slots", "last", "module", "scheduler"];
    let rows = processes.iter().map(|process| {
        vec![
            process.process.to_string(),
            printable(&process.name),
            process.slots.to_string(),
            format!("{} ago", ago(now, process.time)),
            short(&process.module),
            short(&process.scheduler),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows).collect();
    session.output.print(&Processes { processes }, || table(&rows))
}
