//! Collects what an actor crate depends on, so that the program can carry it: the SDK, its macros
//! and the protocol, as a small workspace of their own, without what only their tests need.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The packages carried, which are their directories, too.
const PACKAGES: [&str; 3] = ["protocol", "sdk", "sdk/macros"];

/// Directories of the packages that hold no source of theirs.
const LEFT_OUT: [&str; 1] = ["tests"];

fn main() -> ExitCode {
    match collect() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error={why}");
            ExitCode::FAILURE
        }
    }
}

/// Writes `carried.rs`: an array of paths and texts.
fn collect() -> Result<(), String> {
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .map_err(|error| format!("no workspace: {error}"))?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    for file in ["Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let workspace = read(&root.join("Cargo.toml"))?;
    let mut files = Vec::new();
    let mut manifests = String::new();
    for package in PACKAGES {
        let directory = root.join(package);
        for part in ["Cargo.toml", "src"] {
            println!("cargo::rerun-if-changed={}", directory.join(part).display());
        }
        let manifest = without_tests(&read(&directory.join("Cargo.toml"))?);
        manifests.push_str(&manifest);
        files.push((format!("{package}/Cargo.toml"), quoted(&manifest)));
        sources(&directory.join("src"), &format!("{package}/src"), &mut files)?;
    }
    files.push(("Cargo.toml".to_owned(), quoted(&root_manifest(&workspace, &manifests))));
    files.push(("Cargo.lock".to_owned(), included(&root.join("Cargo.lock"))));
    files.sort();
    let entries: String =
        files.iter().map(|(path, text)| format!("    ({path:?}, {text}),\n")).collect();
    let code = format!("[\n{entries}]\n");
    fs::write(out.join("carried.rs"), code).map_err(|error| format!("carried.rs: {error}"))
}

/// Adds the Rust files below a directory, except for tests.
fn sources(from: &Path, to: &str, files: &mut Vec<(String, String)>) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", from.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let to = format!("{to}/{name}");
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            sources(&path, &to, files)?;
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push((to, included(&path)));
        }
    }
    Ok(())
}

/// The manifest of a package without its tests and benches, whose files are not carried.
fn without_tests(manifest: &str) -> String {
    let mut kept = String::new();
    let mut keep = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            keep = !["[[bench]]", "[dev-dependencies]"].contains(&line);
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The root of the packages' workspace: of this one, what they inherit.
fn root_manifest(workspace: &str, manifests: &str) -> String {
    let package = section(workspace, "[workspace.package]");
    let inherited = |line: &&str| {
        let name = line.split(' ').next().unwrap_or_default();
        let used = format!("\n{name} = {{ workspace = true");
        !name.is_empty() && manifests.contains(&used)
    };
    let dependencies: Vec<&str> =
        section(workspace, "[workspace.dependencies]").into_iter().filter(inherited).collect();
    // Whoever builds an actor is not told what a newer compiler finds to say of the SDK.
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = {PACKAGES:?}\n\n[workspace.package]\n{}\n\n\
         [workspace.dependencies]\n{}\n\n[workspace.lints.rust]\nwarnings = \"allow\"\n",
        package.join("\n").trim_end(),
        dependencies.join("\n"),
    )
}

/// The lines of a manifest between a heading and the next one.
fn section<'a>(manifest: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with('[')).collect()
}

/// Rust code for a text.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Rust code for the text of a file.
fn included(file: &Path) -> String {
    format!("include_str!({:?})", file.display().to_string())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
