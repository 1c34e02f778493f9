//! Running cargo on an actor's crate, and what cargo knows of it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{error::NodeError, output::note};

/// The package that every actor depends on.
const SDK: &str = "antiphon";

/// What actors are built for.
const TARGET: &str = "wasm32-unknown-unknown";

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

/// Flags for other targets, which would come before those of a module.
const REMOVED: [&str; 3] = ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"];

/// An actor's crate.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// What it is called.
    pub(crate) name: String,
    /// Where its manifest is.
    pub(crate) directory: PathBuf,
    /// What cargo calls the files of its library.
    library: String,
    /// Where cargo builds.
    target: PathBuf,
    /// Where the SDK lies, if it is on this machine.
    sdk: Option<PathBuf>,
}

/// Of what `cargo metadata` prints, what is needed here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Debug, Deserialize)]
struct MetadataDependency {
    name: String,
    path: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct MetadataTarget {
    name: String,
    kind: Vec<String>,
}

impl Package {
    /// The crate in a directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, NodeError> {
        let manifest = directory.join("Cargo.toml");
        let manifest = fs::canonicalize(&manifest).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NodeError::usage(format!(
                "{} holds no crate: name the directory of one, or make it with `antiphon new`",
                directory.display()
            )),
            _ => NodeError::file(manifest)(error),
        })?;
        let directory = manifest.parent().unwrap_or(directory).to_owned();
        let mut cargo = cargo(&directory);
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit());
        let output = cargo.output().map_err(|error| does_not_start(&cargo, &error))?;
        if !output.status.success() {
            return Err(NodeError::Build(format!("cargo cannot read {}", manifest.display())));
        }
        let found: Metadata = serde_json::from_slice(&output.stdout).map_err(NodeError::system)?;
        let package = found.packages.into_iter().find(|package| package.manifest_path == manifest);
        let package = package.ok_or_else(|| {
            let manifest = manifest.display();
            NodeError::usage(format!("{manifest} is of no crate: name the directory of a crate"))
        })?;
        let library = ["lib", "rlib", "cdylib"];
        let is_library = |target: &&MetadataTarget| {
            target.kind.iter().any(|kind| library.contains(&kind.as_str()))
        };
        let library = package.targets.iter().find(is_library).ok_or_else(|| {
            NodeError::usage(format!("`{}` has no library: an actor is one", package.name))
        })?;
        let sdk = package.dependencies.into_iter().find(|depends| depends.name == SDK);
        Ok(Self {
            sdk: sdk.and_then(|sdk| sdk.path),
            library: library.name.replace('-', "_"),
            name: package.name,
            directory,
            target: found.target_directory,
        })
    }

    /// Where the finished module lies.
    pub(crate) fn module(&self) -> PathBuf {
        self.target.join("antiphon").join(format!("{}.wasm", self.name))
    }

    /// Compiles the crate to Wasm, and returns what came out.
    pub(crate) fn compile(&self) -> Result<Vec<u8>, NodeError> {
        self.ensure_target()?;
        let mut cargo = cargo(&self.directory);
        cargo
            .args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", TARGET])
            .arg("--target-dir")
            .arg(&self.target)
            .envs(PROFILE)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags());
        for variable in REMOVED {
            cargo.env_remove(variable);
        }
        // What cargo prints of its own is no data.
        cargo.stdout(io::stderr());
        if !status(&mut cargo)? {
            return Err(NodeError::Build(format!("`{}` does not compile, see above", self.name)));
        }
        let built = self.target.join(TARGET).join("release").join(format!("{}.wasm", self.library));
        fs::read(&built).map_err(NodeError::file(built))
    }

    /// Runs cargo's tests; says whether all passed.
    pub(crate) fn test(&self, args: &[OsString], quiet: bool) -> Result<bool, NodeError> {
        let run = |more: &[&OsStr]| {
            let mut cargo = cargo(&self.directory);
            cargo.arg("test").args(more);
            if quiet {
                cargo.stdout(io::stderr());
            }
            status(&mut cargo)
        };
        let of_cargo = args.iter().map(OsString::as_os_str).take_while(|arg| *arg != "--");
        let compiled: Vec<&OsStr> = of_cargo.chain([OsStr::new("--no-run")]).collect();
        if !run(&compiled)? {
            return Err(NodeError::Build(format!("`{}` does not compile, see above", self.name)));
        }
        run(&args.iter().map(OsString::as_os_str).collect::<Vec<_>>())
    }

    /// What the compiler is told for every crate in the module. Texts of panics name source files:
    /// they shall not depend on who builds.
    fn flags(&self) -> OsString {
        let mut flags = OsString::from(format!("-Clink-arg=-zstack-size={STACK_LEN}"));
        // The linker leaves numbers at the width that it reserved for them, unless it is told
        // otherwise.
        flags.push("\u{1f}-Clink-arg=--compress-relocations");
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
        // The protocol lies beside the SDK.
        let sdk = self.sdk.as_deref().and_then(Path::parent).map(Path::to_owned);
        let places = [(home, "cargo"), (sdk, SDK)];
        for (place, name) in places {
            if let Some(place) = place {
                flags.push("\u{1f}--remap-path-prefix=");
                flags.push(place);
                flags.push(format!("=/{name}"));
            }
        }
        flags
    }

    /// Adds the Wasm target to the toolchain of the crate, if it lacks it.
    fn ensure_target(&self) -> Result<(), NodeError> {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.current_dir(&self.directory).args(["--print", "target-libdir", "--target", TARGET]);
        let output = rustc.output().map_err(|error| does_not_start(&rustc, &error))?;
        let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if output.status.success() && libraries.is_dir() {
            return Ok(());
        }
        note(&format!("adding the target {TARGET} to the toolchain"));
        let mut rustup = Command::new("rustup");
        rustup.current_dir(&self.directory).args(["target", "add", TARGET]).stdout(io::stderr());
        match status(&mut rustup) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NodeError::System(format!(
                "the toolchain has no target {TARGET}: add it with `rustup target add {TARGET}`"
            ))),
        }
    }
}

fn cargo(directory: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(directory).stdin(Stdio::null());
    cargo
}

fn status(command: &mut Command) -> Result<bool, NodeError> {
    let status = command.status().map_err(|error| does_not_start(command, &error))?;
    Ok(status.success())
}

fn does_not_start(command: &Command, error: &io::Error) -> NodeError {
    let program = command.get_program().display();
    NodeError::System(format!(
        "{program} does not start ({error}): install it from https://rustup.rs"
    ))
}
