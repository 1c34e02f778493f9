//! The `antiphon` command: runs units, and works with what runs.

mod arguments;
mod bench;
mod cli;
mod clock;
mod cluster;
mod demo;
mod doctor;
mod error;
mod evidence;
mod explain;
mod explorer;
mod files;
mod gateway;
mod output;
mod project;
mod replay;
mod stop;
mod trace;
mod units;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Messages cross threads on their way, and a unit frees elsewhere what it took: the C library's
/// allocator gives pages back to the system, and takes them again, several times a message.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
