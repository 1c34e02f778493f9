//! `policy`: other compute units for a process.

use clap::Args;
use protocol::{ComputePolicy, ControlAction, Role};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{error::NodeError, output::ControlShape};

/// Trust other compute units with a process from now on.
///
/// The new units execute the whole log, and so give receipts for what was before, too.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// A compute unit: its id, the beginning of it, or its name; repeat for more
    #[arg(long = "unit", value_name = "UNIT", required = true)]
    units: Vec<String>,
    /// How many of them must agree
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    quorum: u16,
}

impl Policy {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Sign).await?;
        let process = session.process(&self.process).await?;
        let units = self.units.iter().map(|unit| session.unit(unit, &[Role::Compute]));
        let units = units.collect::<Result<Vec<_>, _>>()?;
        let described = session.client.describe_again(process).await?;
        let present = described.source.policy();
        let version = present.version.checked_add(1);
        let version = version.ok_or_else(|| NodeError::usage("no process has so many policies"))?;
        let previous = Some(present.digest());
        let policy = ComputePolicy { units, quorum: self.quorum, version, previous };
        let ordered = session.order(process, ControlAction::Policy(policy)).await?;
        ControlShape::of(&ordered, true).print(session.output)
    }
}
