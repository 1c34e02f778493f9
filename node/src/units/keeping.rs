//! What an operator decides about the states that compute units keep.

use clap::Args;

/// How many states are in memory and on disk. Changes no outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct Keeping {
    /// After how many slots a compute unit writes a checkpoint of a busy process [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_slots: Option<u64>,
    /// How many checkpoints of each process a compute unit keeps [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) checkpoints: Option<u16>,
    /// How many processes a compute unit has in memory at a time [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) resident: Option<u16>,
}

impl Keeping {
    /// The options as a command line has them.
    pub(crate) fn args(&self) -> Vec<String> {
        let options = [
            ("--checkpoint-slots", self.checkpoint_slots),
            ("--checkpoints", self.checkpoints.map(u64::from)),
            ("--resident", self.resident.map(u64::from)),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.flat_map(|(name, value)| [name.to_owned(), value.to_string()]).collect()
    }

    /// A configuration with these decisions.
    pub(super) fn of(&self, config: compute_unit::Config) -> compute_unit::Config {
        let interval = compute_unit::Interval {
            slots: self.checkpoint_slots.unwrap_or(config.interval.slots),
            ..config.interval
        };
        compute_unit::Config {
            interval,
            checkpoints_kept: self.checkpoints.map_or(config.checkpoints_kept, usize::from),
            resident_processes: self.resident.map_or(config.resident_processes, usize::from),
            ..config
        }
    }
}
