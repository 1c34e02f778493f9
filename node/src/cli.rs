//! The command line: one file per command.

mod assign;
mod bench;
mod build;
mod call;
mod completing;
mod completions;
mod controller;
mod demo;
mod diff;
mod doctor;
mod explain;
mod gateway;
mod halt;
mod key;
mod log;
mod moving;
mod naming;
mod new;
mod options;
mod outbox;
mod passphrase;
mod policy;
mod proof;
mod ps;
mod replay;
mod send;
mod session;
mod spawn;
mod state;
mod status;
mod takeover;
mod test;
mod trace;
mod unit;
mod up;
mod upgrade;
mod verify;
mod view;
mod watch;

use std::{process::ExitCode, time::Duration};

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use tracing_subscriber::EnvFilter;

use crate::{
    error::NodeError,
    output::{Output, colour},
    units::Decisions,
};
use options::{Globals, LogFormat};

/// How long tasks may take to end after the command is done.
const END_TIMEOUT: Duration = Duration::from_millis(200);

/// An actor compute network: run units, spawn processes, send messages, read logs.
#[derive(Debug, Parser)]
#[command(name = "antiphon", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a cluster on this machine until Ctrl-C.
    Up(up::Up),
    /// Run one scheduler unit until Ctrl-C.
    Scheduler(unit::Scheduler),
    /// Run one messenger unit until Ctrl-C.
    Messenger(unit::Unit),
    /// Run one compute unit until Ctrl-C.
    Compute(unit::Compute),
    /// Serve HTTP for a network that runs until Ctrl-C.
    Gateway(gateway::GatewayOptions),
    /// Make a crate for a new actor, with a test that passes.
    New(new::New),
    /// Build an actor's crate to a Wasm module, and check it.
    Build(build::Build),
    /// Run the native tests of an actor's crate.
    Test(test::Test),
    /// Build an actor's crate whenever it changes, and have a process run it.
    Watch(watch::Watch),
    /// Make, list, encrypt and carry keys of accounts.
    #[command(subcommand)]
    Key(key::Key),
    /// Spawn a process from a Wasm module.
    Spawn(spawn::Spawn),
    /// Send a message to a process and wait for its reply.
    Send(send::Send),
    /// Show a message that stands in some log to a process.
    Assign(assign::Assign),
    /// Ask a process without changing it.
    View(view::View),
    /// Print a process's log with the outcomes.
    Log(log::Log),
    /// Show what a message caused, through all processes.
    Trace(trace::TraceOptions),
    /// Replay a process on this machine and compare with everything that units signed.
    Verify(verify::Verify),
    /// Show the state of a process after any slot, found on this machine.
    State(state::StateOptions),
    /// Show what changed of a process's state between two slots.
    Diff(diff::Diff),
    /// Replay a process with another module, and show which slots would have come to something else.
    Replay(replay::Replay),
    /// Check a proof or fault file offline, or write a proof.
    Proof(proof::ProofOptions),
    /// Let a process go on with another module.
    Upgrade(upgrade::UpgradeOptions),
    /// Let another scheduler order a process.
    Move(moving::Move),
    /// Let another scheduler go on with a process whose own is lost for good.
    Takeover(takeover::Takeover),
    /// Trust other compute units with a process from now on.
    Policy(policy::Policy),
    /// Hand the control of a process to another account, or give it up for good.
    Controller(controller::Controller),
    /// Stop a process for good.
    Stop(halt::Stop),
    /// List processes.
    Ps,
    /// Show what waits to be delivered from process to process, and why.
    Outbox(outbox::Outbox),
    /// Show the units and what they do.
    Status(status::StatusOptions),
    /// Check the set-up, and say what mends what is wrong.
    Doctor(doctor::Doctor),
    /// Explain an error code: what happened, what it means, what to do, and an example.
    Explain(explain::Explain),
    /// Print a script that lets a shell complete commands.
    Completions(completions::Completions),
    /// Measure a cluster.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Run one week of earthquakes through fourteen actors on a cluster of separate units.
    Demo(demo::Demo),
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    if completing::answer() {
        return ExitCode::SUCCESS;
    }
    let color = colour::among(std::env::args_os());
    let cli = Cli::command().color(color).try_get_matches();
    let cli = match cli.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let output = cli.globals.output();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(cli: Cli) -> Result<(), NodeError> {
    let filter = EnvFilter::try_new(&cli.globals.log).map_err(NodeError::usage)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match cli.globals.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(NodeError::system)?;
    let done = runtime.block_on(run(cli));
    // Threads that wait for standard input or a disk must not keep a finished command.
    runtime.shutdown_timeout(END_TIMEOUT);
    done
}

async fn run(cli: Cli) -> Result<(), NodeError> {
    use protocol::Role;

    let Cli { globals, command } = cli;
    match command {
        Command::Up(up) => Box::pin(up.run(&globals)).await,
        Command::Scheduler(unit) => Box::pin(unit.run(&globals)).await,
        Command::Messenger(unit) => {
            Box::pin(unit.run(Role::Messenger, &Decisions::default(), &globals)).await
        }
        Command::Compute(unit) => Box::pin(unit.run(&globals)).await,
        Command::Gateway(gateway) => Box::pin(gateway.run(&globals)).await,
        Command::New(new) => new.run(&globals),
        Command::Build(build) => build.run(&globals),
        Command::Test(test) => test.run(&globals),
        Command::Watch(watch) => Box::pin(watch.run(&globals)).await,
        Command::Key(key) => key.run(&globals),
        Command::Spawn(spawn) => Box::pin(spawn.run(&globals)).await,
        Command::Send(send) => Box::pin(send.run(&globals)).await,
        Command::Assign(assign) => Box::pin(assign.run(&globals)).await,
        Command::View(view) => Box::pin(view.run(&globals)).await,
        Command::Log(log) => Box::pin(log.run(&globals)).await,
        Command::Trace(trace) => Box::pin(trace.run(&globals)).await,
        Command::Verify(verify) => Box::pin(verify.run(&globals)).await,
        Command::State(state) => Box::pin(state.run(&globals)).await,
        Command::Diff(diff) => Box::pin(diff.run(&globals)).await,
        Command::Replay(replay) => Box::pin(replay.run(&globals)).await,
        Command::Proof(proof) => Box::pin(proof.run(&globals)).await,
        Command::Upgrade(upgrade) => Box::pin(upgrade.run(&globals)).await,
        Command::Move(moving) => Box::pin(moving.run(&globals)).await,
        Command::Takeover(takeover) => Box::pin(takeover.run(&globals)).await,
        Command::Policy(policy) => Box::pin(policy.run(&globals)).await,
        Command::Controller(controller) => Box::pin(controller.run(&globals)).await,
        Command::Stop(stop) => Box::pin(stop.run(&globals)).await,
        Command::Ps => Box::pin(ps::run(&globals)).await,
        Command::Outbox(outbox) => Box::pin(outbox.run(&globals)).await,
        Command::Status(status) => Box::pin(status.run(&globals)).await,
        Command::Doctor(doctor) => Box::pin(doctor.run(&globals)).await,
        Command::Explain(explain) => explain.run(&globals),
        Command::Completions(completions) => completions.run(&globals),
        Command::Bench(bench) => Box::pin(bench.run(&globals)).await,
        Command::Demo(demo) => Box::pin(demo.run(&globals)).await,
    }
}

/// Answers a command line that cannot be understood, or that asks for help.
fn refuse(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if wants_json && !asked {
        Output { json: true, color: ColorChoice::Never }
            .failure(&NodeError::usage(sentence(&error.to_string())));
    } else {
        // Nobody is left to tell if the stream is closed.
        let _ = error.print();
    }
    if asked { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// What a command line lacks, in one line: the first paragraph of what is said to people.
fn sentence(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
