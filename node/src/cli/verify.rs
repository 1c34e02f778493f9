//! `verify`: a whole process, replayed here and compared with what units signed.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::{Fault, codec};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    cluster::write_whole,
    error::NodeError,
    output::{AuditShape, DifferenceShape, count, note},
    replay::{self, Subject},
};

/// Replay a process on this machine, from slot 0, and compare with everything that units signed.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// Where a file is written if two units contradict each other
    #[arg(long, value_name = "DIR", default_value = ".")]
    faults: PathBuf,
}

impl Verify {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        let subject = Subject::open(&session.client, process).await?;
        let audit = replay::verify(&subject, replay::progress()?).await?;
        let difference = audit.difference.as_ref();
        let file = difference.zip(audit.fault.as_ref()).and_then(|(difference, fault)| {
            let path = self.faults.join(format!("{process}-{}.fault", difference.slot));
            keep(fault, &path)
        });
        let shape = AuditShape {
            process,
            slots: audit.slots,
            ok: difference.is_none(),
            state_root: audit.state_root.map(|root| root.to_string()),
            first_difference: difference.map(DifferenceShape::from),
            executed: audit.executed,
            epochs: Some(audit.epochs).filter(|epochs| *epochs > 1),
            fault: file.map(|path| path.display().to_string()),
        };
        if let Some(difference) = difference {
            if session.output.json {
                session.output.object(&shape)?;
            }
            let slot = difference.slot;
            return Err(NodeError::Disproven(format!("slot {slot}: {}", difference.what)));
        }
        session.output.print(&shape, || {
            let root = shape.state_root.as_deref().unwrap_or("none, it was not born");
            let (slots, executed) = (count(shape.slots, "slot"), shape.executed);
            let epochs = shape.epochs.map(|epochs| format!(" in {epochs} epochs"));
            format!(
                "{process} is as it must be\n{slots}{}, {executed} with receipts\nstate root {root}",
                epochs.unwrap_or_default()
            )
        })
    }
}

/// Writes a fault file and tells of it. That it cannot be written is no reason to keep silent about
/// what was found.
fn keep(fault: &Fault, path: &Path) -> Option<PathBuf> {
    match write_whole(path, &codec::encode(fault)) {
        Ok(()) => {
            note(&format!("two units contradict each other: see {}", path.display()));
            Some(path.to_owned())
        }
        Err(error) => {
            note(&format!(
                "warning: two units contradict each other, but no file shows it: {error}"
            ));
            None
        }
    }
}
