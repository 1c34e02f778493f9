//! The `antiphon` command: runs units, and works with what runs.

mod bench;
mod cli;
mod clock;
mod cluster;
mod demo;
mod error;
mod evidence;
mod explorer;
mod gateway;
mod output;
mod project;
mod replay;
mod stop;
mod units;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
