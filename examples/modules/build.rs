//! Builds the example actors to Wasm.
//!
//! Each actor gets a cargo run of its own. In one run for all, cargo would unite features: an actor
//! that another one calls through its `stub` feature would lose its own exports. The actors are
//! plain libraries, made modules by `--crate-type cdylib`, because cargo gives a declared `cdylib`
//! one file name whatever its features, and stub and module would overwrite each other.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const ACTORS: [&str; 11] = [
    "counter",
    "counter2",
    "pingpong",
    "bank",
    "tokenring",
    "supervisor",
    "worker",
    "alarm",
    "station",
    "alerts",
    "bulletin",
];
const TARGET: &str = "wasm32-unknown-unknown";

/// What the modules are made of, from the root of the workspace.
const SOURCES: [&str; 15] = [
    "Cargo.toml",
    "Cargo.lock",
    "protocol/Cargo.toml",
    "protocol/src",
    "sdk/Cargo.toml",
    "sdk/src",
    "sdk/macros",
    "examples/counter",
    "examples/counter2",
    "examples/pingpong",
    "examples/bank",
    "examples/tokenring",
    "examples/forkjoin",
    "examples/alarm",
    "examples/quakes",
];

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
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let built = out.join("wasm");
    ensure_target(&root)?;
    for actor in ACTORS {
        compile(&root, actor, &built)?;
        let module = built.join(TARGET).join("release").join(format!("{actor}.wasm"));
        fs::copy(&module, out.join(format!("{actor}.wasm")))
            .map_err(|error| format!("no {}: {error}", module.display()))?;
    }
    Ok(())
}

fn compile(root: &Path, actor: &str, built: &Path) -> Result<(), String> {
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("cargo sets CARGO")?);
    cargo
        .current_dir(root)
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--locked"])
        .args(["--package", actor, "--target", TARGET, "--target-dir"])
        .arg(built)
        .args(["--", "-C"])
        .arg(format!("link-arg=-zstack-size={STACK_LEN}"))
        .envs(PROFILE);
    for variable in REMOVED {
        cargo.env_remove(variable);
    }
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
