//! The `antiphon` command: runs units, and works with what runs.

mod bench;
mod cli;
mod clock;
mod cluster;
mod demo;
mod error;
mod explorer;
mod gateway;
mod output;
mod stop;
mod units;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
