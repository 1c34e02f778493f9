//! Builds the example actors to Wasm, all in one run of cargo.
//!
//! In the workspace itself, cargo would unite features: an actor that another one calls through its
//! `stub` feature would lose its own exports. So each actor gets a package of its own around the same
//! source, written beside what is built, that is a `cdylib` without features.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// An actor: its name, where it is, and the actors it calls by their stubs.
type Actor = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const ACTORS: [Actor; 30] = [
    ("baseline", "baseline", &[]),
    ("counter", "counter", &[]),
    ("counter2", "counter2", &[]),
    ("pingpong", "pingpong", &[]),
    ("bank", "bank", &[]),
    ("tokenring", "tokenring", &[]),
    ("supervisor", "forkjoin/supervisor", &[("worker", "forkjoin/worker")]),
    ("worker", "forkjoin/worker", &[]),
    ("alarm", "alarm", &[]),
    ("station", "quakes/station", &[("alerts", "quakes/alerts")]),
    ("alerts", "quakes/alerts", &[("bulletin", "quakes/bulletin")]),
    ("bulletin", "quakes/bulletin", &[]),
    ("ledger", "ledger", &[]),
    ("chat", "chat", &[]),
    ("auction", "auction", &[("bank", "bank")]),
    ("pipeline", "pipeline", &[]),
    ("treasury", "treasury", &[("bank", "bank")]),
    ("guardian", "guardian", &[]),
    ("store", "store", &[]),
    ("counting", "savina/counting", &[]),
    ("chameneos", "savina/chameneos", &[]),
    ("big", "savina/big", &[]),
    ("dictionary", "savina/dictionary", &[]),
    ("philosophers", "savina/philosophers", &[]),
    ("barber", "savina/barber", &[]),
    ("buffer", "savina/buffer", &[]),
    ("radix", "savina/radix", &[]),
    ("trapezoid", "savina/trapezoid", &[]),
    ("sieve", "savina/sieve", &[]),
    ("queens", "savina/queens", &[]),
];
const TARGET: &str = "wasm32-unknown-unknown";

/// What all modules are made of, from the root of the workspace.
const SOURCES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "protocol/Cargo.toml", "protocol/src", "sdk", "examples/modules"];

/// Settings of the outer build that would reach the inner one: linters, flags for another target,
/// another place to build in.
const REMOVED: [&str; 12] = [
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
];

/// Every process has a stack in its memory: the linker's megabyte would be most of it.
const STACK_LEN: u32 = 256 << 10;

/// Small modules without debug information. Overflow traps, as it does in native tests.
const PROFILE: [(&str, &str); 8] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            for line in why.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .map_err(|error| format!("no workspace: {error}"))?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    for (_, directory, _) in ACTORS {
        println!("cargo::rerun-if-changed={}", root.join("examples").join(directory).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    ensure_target(&root)?;
    let packages = out.join("packages");
    write_packages(&root, &packages).map_err(|error| format!("no packages: {error}"))?;
    let built = out.join("wasm");
    compile(&root, &packages, &built)?;
    for (actor, ..) in ACTORS {
        let module = built.join(TARGET).join("release").join(format!("{actor}.wasm"));
        fs::copy(&module, out.join(format!("{actor}.wasm")))
            .map_err(|error| format!("no {}: {error}", module.display()))?;
    }
    Ok(())
}

/// Writes a workspace with a package for each actor, and the versions that the outer one is locked
/// to.
fn write_packages(root: &Path, packages: &Path) -> io::Result<()> {
    // What is not there any more would be built as well.
    if packages.exists() {
        fs::remove_dir_all(packages)?;
    }
    for (actor, directory, calls) in ACTORS {
        let package = packages.join(actor);
        fs::create_dir_all(&package)?;
        let source = root.join("examples").join(directory).join("src/lib.rs");
        let mut manifest = format!(
            "[package]\nname = \"{actor}-module\"\nedition = \"2024\"\n\
             [lib]\nname = \"{actor}\"\npath = {source:?}\ncrate-type = [\"cdylib\"]\n\
             [features]\nstub = []\n\
             [dependencies]\nantiphon = {{ path = {:?} }}\nserde = \"1\"\n",
            root.join("sdk"),
        );
        for (callee, directory) in calls {
            let path = root.join("examples").join(directory);
            manifest += &format!("{callee} = {{ path = {path:?}, features = [\"stub\"] }}\n");
        }
        fs::write(package.join("Cargo.toml"), manifest)?;
    }
    fs::write(packages.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n")?;
    fs::copy(root.join("Cargo.lock"), packages.join("Cargo.lock"))?;
    Ok(())
}

fn compile(root: &Path, packages: &Path, built: &Path) -> Result<(), String> {
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("cargo sets CARGO")?);
    cargo
        .current_dir(packages)
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(built)
        .envs(PROFILE);
    for variable in REMOVED {
        cargo.env_remove(variable);
    }
    // Panics name source files: a module must not depend on where the workspace is.
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(root);
    flags.push(format!("=.\x1f-Clink-arg=-zstack-size={STACK_LEN}"));
    // The linker leaves numbers at the width that it reserved for them, unless it is told otherwise.
    flags.push("\x1f-Clink-arg=--compress-relocations");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    // What is configured for this machine; cargo tells it to build scripts, and the inner ones would
    // take it for theirs.
    for (variable, _) in env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"CARGO_CFG_") {
            cargo.env_remove(variable);
        }
    }
    run(&mut cargo)
}

/// Adds the Wasm target to the toolchain at work, if it lacks it.
fn ensure_target(root: &Path) -> Result<(), String> {
    let rustc = env::var_os("RUSTC").ok_or("cargo sets RUSTC")?;
    let output = Command::new(rustc)
        .current_dir(root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("rustc does not start: {error}"))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libraries.is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").current_dir(root).args(["target", "add", TARGET])).map_err(|why| {
        format!(
            "the toolchain has no target {TARGET}; add it (`rustup target add {TARGET}`)\n{why}"
        )
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    let output =
        command.output().map_err(|error| format!("{command:?} does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr)))
}
