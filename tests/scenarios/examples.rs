//! The pages of the examples: every command on them is run, and replies what it is said to.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{ANTIPHON, Cluster, directory};

/// Runs a command that prints what is wanted. Only a view is asked again: what it shows may still be
/// under way.
const CHECK: &str = r#"
set -e
PATH="$PROGRAMS:$PATH"
cargo() { :; }
check() {
    wanted=$1
    shift
    for _ in $(seq 600); do
        seen=$("$@") || break
        [ "$seen" = "$wanted" ] && return
        [ "$2" = view ] || break
        sleep 0.1
    done
    echo "$*: $seen, not $wanted" >&2
    exit 1
}
"#;

#[test]
fn what_the_pages_of_the_examples_say_is_true() {
    let (data, work) = (directory(), directory());
    let cluster = Cluster::up(data.path(), &[]);
    let modules = work.path().join("target/wasm32-unknown-unknown/release");
    fs::create_dir_all(&modules).unwrap();
    for (name, module) in example_modules::ALL {
        fs::write(modules.join(format!("{name}.wasm")), module).unwrap();
    }
    let pages = pages();
    assert!(pages.len() > 7, "{pages:?}");
    for page in &pages {
        run(page, data.path(), work.path());
    }
    cluster.stop();
}

/// The pages that have commands.
fn pages() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let directories = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let pages = directories.map(|directory| directory.join("README.md"));
    pages.filter(|page| page.exists() && !script(page).is_empty()).collect()
}

/// Runs the commands of a page, in a directory where the modules are where cargo puts them.
fn run(page: &Path, data: &Path, work: &Path) {
    let program = Path::new(ANTIPHON).parent().expect("it is in a directory");
    let output = Command::new("sh")
        .args(["-c", &[CHECK, &script(page)].concat()])
        .current_dir(work)
        .env("PROGRAMS", program)
        .env("ANTIPHON_DATA", data)
        .output()
        .expect("every system has a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", page.display());
}

/// The commands of a page. Behind a `#` is what they print.
fn script(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let mut script = String::new();
    let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    for line in blocks.flat_map(str::lines) {
        match line.rsplit_once(" # ") {
            Some((command, wanted)) => writeln!(script, "check '{}' {command}", wanted.trim()),
            None => writeln!(script, "{line}"),
        }
        .unwrap();
    }
    script
}
