//! `diff`: what changed of a process from one slot to another.

use clap::Args;
use protocol::{ProcessId, Slot};

use super::{
    log::{Outcomes, print},
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{DiffShape, LogLine, line},
    replay::{self, Portrait, Subject, Wanted},
};

/// Show what changed of a process's state from behind one slot to behind another, found on this
/// machine, with what stands in the log between.
///
/// A state is read as its module would save it for an upgrade, else by its views without parameters,
/// else as bytes.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The process: its id, the beginning of it, or a name
    process: String,
    /// Behind which slot to begin
    #[arg(value_name = "N")]
    from: u64,
    /// Behind which slot to end
    #[arg(value_name = "M")]
    to: u64,
    /// Replay from slot 0, believing no unit's checkpoint
    #[arg(long)]
    no_checkpoint: bool,
    /// How many changes, and how many slots, to show at the most
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

impl Diff {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        if self.from >= self.to {
            return Err(NodeError::usage("the first slot must be before the second"));
        }
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        let subject = Subject::open(&session.client, process).await?;
        let [from, to] = [self.from, self.to].map(Slot::new);
        let to = Box::pin(self.portrait(&subject, to)).await?;
        let from = Box::pin(self.portrait(&subject, from)).await?;
        let mut shape = DiffShape::of(process, &from, &to, self.limit.into());
        self.read_entries(&session, process, &mut shape).await?;
        session.output.print(&shape, || shape.text())?;
        if !session.output.json {
            for entry in &shape.entries {
                print(&session, entry)?;
            }
            if shape.entries_left_out > 0 {
                line(&format!("        ({} more)", shape.entries_left_out))?;
            }
        }
        Ok(())
    }

    async fn portrait(
        &self,
        subject: &std::sync::Arc<Subject>,
        slot: Slot,
    ) -> Result<Portrait, NodeError> {
        let wanted = Wanted { slot: Some(slot), outcome: false, checkpoints: !self.no_checkpoint };
        let past = replay::reach(subject, wanted, replay::progress()?).await?;
        replay::portray(subject, past).await
    }

    async fn read_entries(
        &self,
        session: &Session,
        process: ProcessId,
        shape: &mut DiffShape,
    ) -> Result<(), NodeError> {
        let first = Slot::new(self.from.saturating_add(1));
        let all = self.to.saturating_sub(self.from);
        let wanted = all.min(self.limit.into());
        let mut reader = session.client.log(process, first);
        let mut outcomes = Outcomes::new(session, process);
        let end = first.get().saturating_add(wanted);
        while reader.next().get() < end {
            let left = u32::try_from(end.saturating_sub(reader.next().get())).unwrap_or(u32::MAX);
            let page = reader.page(left).await?;
            if page.records.is_empty() {
                break;
            }
            for record in &page.records {
                let outcome = outcomes.of(record.assignment.slot).await?;
                shape.entries.push(LogLine::of(record, outcome.as_ref()));
            }
        }
        shape.entries_left_out = all.saturating_sub(shape.entries.len() as u64);
        Ok(())
    }
}
