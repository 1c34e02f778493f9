//! `trace`: what a message caused, through all processes.

use clap::Args;
use protocol::{EntryId, Slot};

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{TraceShape, line, note},
    trace::{Bounds, Tracer},
};

/// Show what a message caused: its outcome, what that emitted, what that became in other logs, and so
/// on.
///
/// Places are checked against the scheduler's signature, outcomes against receipts of as many units as
/// the policy wants to agree. Times are those of the schedulers that assigned; when a slot was executed
/// no unit records. Of a timer that repeats the first firings are shown.
#[derive(Debug, Args)]
pub(crate) struct TraceOptions {
    /// The message, or PROCESS:SLOT
    #[arg(value_name = "MESSAGE|PROCESS:SLOT")]
    what: String,
    /// Begin with what the message stems from in the end
    #[arg(long)]
    root: bool,
    /// How many steps from the message at the most
    #[arg(long, value_name = "N", default_value_t = 32)]
    depth: u32,
    /// How many nodes at the most
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

impl TraceOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let tracer = Tracer::new(session.client.clone());
        let mut message = self.message(&session, &tracer).await?;
        if self.root {
            let (first, begins) = tracer.first_cause(message).await?;
            if !begins {
                note(&format!("{first} has a cause that is out of reach"));
            }
            message = first;
        } else {
            // A tree is shown of a message that is there.
            session.client.find(message).await?;
        }
        let nodes = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let bounds = Bounds::new(self.depth, nodes);
        let tree = Box::pin(tracer.tree(message, bounds)).await;
        let names = session.data.book().names()?;
        let names = names.into_iter().map(|(name, process)| (process, name)).collect();
        let shapes = TraceShape::of_tree(&tree, &names);
        let began = shapes.first().and_then(TraceShape::assigned);
        for shape in &shapes {
            if session.output.json {
                session.output.object(shape)?;
            } else {
                line(&shape.line(began))?;
            }
        }
        match shapes.iter().find(|shape| shape.contradicted()) {
            Some(shape) => Err(NodeError::Verification(format!(
                "units state different outcomes of {}: `antiphon verify` says which are wrong",
                shape.place()
            ))),
            None => Ok(()),
        }
    }

    async fn message(&self, session: &Session, tracer: &Tracer) -> Result<EntryId, NodeError> {
        let Some((process, slot)) = self.what.rsplit_once(':') else {
            return self.what.parse().map_err(|error| {
                let what = &self.what;
                NodeError::usage(format!(
                    "`{what}` is neither a message nor PROCESS:SLOT ({error})"
                ))
            });
        };
        let slot = slot.parse().map_err(|_| NodeError::usage(format!("`{slot}` is no slot")))?;
        let (process, slot) = (session.process(process).await?, Slot::new(slot));
        let record = tracer.record(process, slot).await?;
        let missing = || NodeError::usage(format!("the log has no slot {slot} yet"));
        Ok(record.ok_or_else(missing)?.assignment.entry)
    }
}
