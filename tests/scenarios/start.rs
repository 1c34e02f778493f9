//! What a newcomer reads first is true: the commands of the page are run in its order, beginning in an
//! empty directory, and print what it shows.
//!
//! Nothing is downloaded, as in the scenarios of authors.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::support::{ANTIPHON, directory, signal};

const PAGE: &str = include_str!("../../docs/start.md");

/// Where the page has its code.
const CODE: &str = "hello/src/lib.rs";

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    /// Commands.
    Shell(&'a str),
    /// What they print.
    Output(&'a str),
    /// A source file.
    Code(&'a str),
}

/// The blocks of a page that are run or compared.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    let block = |fenced| match str::split_once(fenced, '\n').unwrap() {
        ("sh", text) => Some(Block::Shell(text)),
        ("text", text) => Some(Block::Output(text)),
        ("rust", text) => Some(Block::Code(text)),
        _ => None,
    };
    fenced.filter_map(block).collect()
}

/// Whether a line is as shown, where `...` stands for anything.
fn is_like(shown: &str, line: &str) -> bool {
    match shown.split_once("...") {
        None => shown == line,
        Some((start, rest)) => line
            .strip_prefix(start)
            .is_some_and(|line| (0..=line.len()).any(|at| is_like_at(rest, line, at))),
    }
}

fn is_like_at(shown: &str, line: &str, at: usize) -> bool {
    line.get(at..).is_some_and(|line| is_like(shown, line))
}

/// Whether lines are as shown, where `...` alone stands for any lines.
fn are_like(shown: &[String], lines: &[String]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|at| are_like(rest, &lines[at..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| is_like(first, line) && are_like(rest, lines)),
    }
}

/// The lines of a text, whose columns may have any width.
fn lines(text: &str) -> Vec<String> {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}

/// A shell in a directory, with the program under test first on its path.
fn shell(place: &Path, script: &str) -> Command {
    let programs = Path::new(ANTIPHON).parent().expect("it is in a directory").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).unwrap();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authoring");
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", script])
        .current_dir(place)
        .env("PATH", path)
        .env("XDG_DATA_HOME", &kept)
        // What is compiled for all of them is kept; what is built is where cargo puts it.
        .env("CARGO_BUILD_BUILD_DIR", kept.join("target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stdin(Stdio::null());
    for variable in ["ANTIPHON_DATA", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        shell.env_remove(variable);
    }
    shell
}

/// The network of the page, which is ended with the test.
struct Network {
    up: Child,
}

impl Network {
    /// Starts it and waits until it has printed the lines shown.
    fn start(place: &Path, command: &str, shown: &str) -> (Self, BufReader<impl Sized>) {
        let script = format!("exec {}", command.trim());
        let mut up = shell(place, &script).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(up.stdout.take().unwrap());
        let network = Self { up };
        let mut shown = lines(shown);
        assert_eq!(shown.pop().as_deref(), Some("..."), "it goes on for as long as it is up");
        for shown in shown {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let line = lines(&line).join("");
            assert!(is_like(&shown, &line), "`{line}` is not `{shown}`");
        }
        (network, stdout)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        signal("-TERM", u64::from(self.up.id()));
        let _ = self.up.wait();
    }
}

#[test]
fn the_first_five_minutes_go_as_the_page_says() {
    let place = directory();
    let mut blocks = blocks(PAGE).into_iter().peekable();
    let mut network = None;
    let mut exports = String::new();
    let mut compared = 0;
    while let Some(block) = blocks.next() {
        let commands = match block {
            Block::Shell(commands) => commands,
            Block::Code(code) => {
                fs::write(place.path().join(CODE), code).unwrap();
                continue;
            }
            Block::Output(text) => panic!("nobody prints {text}"),
        };
        let Some(Block::Output(shown)) = blocks.next() else {
            panic!("the page does not show what `{commands}` prints");
        };
        compared += 1;
        if commands.starts_with("antiphon up") {
            network = Some(Network::start(place.path(), commands, shown));
            continue;
        }
        let script = format!("{exports}{commands}");
        exports.extend(commands.split_inclusive('\n').filter(|line| line.starts_with("export ")));
        let output = shell(place.path(), &script).output().expect("every system has a shell");
        assert!(output.status.success(), "{commands}: {output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(are_like(&lines(shown), &lines(&printed)), "`{printed}` is not `{shown}`");
    }
    assert!(network.is_some() && compared >= 8, "{compared}");
}

#[test]
fn what_a_page_shows_is_compared_line_by_line() {
    let like = |shown, found| are_like(&lines(shown), &lines(found));
    assert!(like("a ... c\n...\nd", "a  b c\n1\n2\nd\n"));
    assert!(like("proc1... is", "proc1abc is"));
    for (shown, found) in [("8", "9"), ("8", "8\n8"), ("a\n...", "b"), ("a...b", "ab1"), ("a", "")]
    {
        assert!(!like(shown, found), "{shown} is not {found}");
    }
}
