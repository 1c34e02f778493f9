//! What an operator decides about the cores and disks that schedulers use.

use std::{num::NonZeroU16, path::PathBuf};

use clap::Args;

/// Over how many writers and disks the logs of a scheduler are spread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Spreading {
    /// How many shards a new scheduler has, each with a log and a writer of its own; their number
    /// cannot be changed later [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_shards)]
    pub(crate) shards: Option<NonZeroU16>,
    /// A directory on a further disk, over which shards are spread as well; repeat for more
    #[arg(long, value_name = "DIR")]
    pub(crate) disk: Vec<PathBuf>,
}

impl Spreading {
    /// The options as a command line has them.
    pub(crate) fn args(&self) -> Vec<std::ffi::OsString> {
        let shards = self.shards.map(|shards| ["--shards".into(), shards.to_string().into()]);
        let disks = self.disk.iter().flat_map(|disk| ["--disk".into(), disk.into()]);
        shards.into_iter().flatten().chain(disks).collect()
    }

    /// A configuration with these decisions, for the unit of this name.
    pub(super) fn of(&self, name: &str, config: scheduler_unit::Config) -> scheduler_unit::Config {
        let disks = self.disk.iter().map(|disk| disk.join(name)).collect();
        scheduler_unit::Config { shards: self.shards, disks, ..config }
    }
}

fn parse_shards(text: &str) -> Result<NonZeroU16, String> {
    const MOST: u16 = 256;
    let shards = text.parse().ok().filter(|shards: &NonZeroU16| shards.get() <= MOST);
    shards.ok_or_else(|| format!("a scheduler has 1 to {MOST} shards"))
}
