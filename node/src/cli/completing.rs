//! What a shell offers when somebody presses Tab: names of processes, methods and parameters that
//! are there now.
//!
//! A shell waits for this at every key, so it says nothing rather than wait for long, and nothing of
//! what goes wrong.
//!
//! # Invariants
//!
//! - What a schema names is a stranger's text, and shells put what is offered into the line as it is:
//!   names that a shell could read as anything but a word are not offered.

use std::{ffi::OsStr, sync::Arc, time::Duration};

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
};
use protocol::{
    ProcessId,
    schema::{Method, MethodKind, Schema},
};

use super::{
    Cli,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    arguments::signature,
    error::NodeError,
    explain::{Page, pages},
    output::{printable, short},
};

/// The variable by which a shell asks for what it can offer.
pub(super) const ASKED: &str = "ANTIPHON_COMPLETE";

/// How long a cluster may take to say what there is.
const PATIENCE: Duration = Duration::from_millis(500);

/// Answers a shell that asks; whether one did.
pub(super) fn answer() -> bool {
    let here = std::env::current_dir().ok();
    let asked = std::env::var_os(ASKED).is_some_and(|shell| !shell.is_empty() && shell != "0");
    // Whoever types has no use for what goes wrong here.
    let _ = CompleteEnv::with_factory(Cli::command)
        .var(ASKED)
        .try_complete(std::env::args_os(), here.as_deref());
    asked
}

/// Offers processes.
pub(super) fn processes() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        current.to_str().and_then(offer_processes).unwrap_or_default()
    })
}

/// Offers the methods of the process that the command line names.
pub(super) fn methods() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        current.to_str().and_then(offer_methods).unwrap_or_default()
    })
}

/// Offers the parameters of the method that the command line names.
pub(super) fn params() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        current.to_str().and_then(offer_params).unwrap_or_default()
    })
}

/// Offers the words of errors.
pub(super) fn codes() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let fits = |page: &Page| current.to_str().is_some_and(|text| page.word.starts_with(text));
        let pages = pages().into_iter().filter(fits);
        pages.map(|page| candidate(&page.word, &page.happened)).collect()
    })
}

/// Names of the address book, or ids where an id has been begun.
fn offer_processes(current: &str) -> Option<Vec<CompletionCandidate>> {
    let asked = Asked::read()?;
    if current.starts_with(&format!("{}1", ProcessId::PREFIX)) {
        let known = asked.of_cluster(async |session| Ok(session.client.processes().await?))?;
        let ids = known.into_iter().map(|(_, entry)| entry.process.to_string());
        return Some(
            ids.filter(|id| id.starts_with(current)).map(CompletionCandidate::new).collect(),
        );
    }
    let data = asked.globals.data().ok()?;
    if asked.globals.bootstrap.is_empty() && !data.is_running().ok()? {
        return None;
    }
    let names = data.book().names().ok()?.into_iter();
    let names = names.filter(|(name, _)| name.starts_with(current));
    Some(names.map(|(name, process)| candidate(&name, &short(&process))).collect())
}

fn offer_methods(current: &str) -> Option<Vec<CompletionCandidate>> {
    let asked = Asked::read()?;
    let schema = asked.schema()?;
    let callable = schema.methods.iter().filter(|method| asked.can_call(method));
    let callable = callable.filter(|method| is_word(&method.name));
    let callable = callable.filter(|method| method.name.starts_with(current));
    Some(callable.map(|method| candidate(&method.name, &describe(method))).collect())
}

fn offer_params(current: &str) -> Option<Vec<CompletionCandidate>> {
    if current.contains('=') {
        return None;
    }
    let asked = Asked::read()?;
    let schema = asked.schema()?;
    let method = schema.method(asked.command.get_one::<String>("method")?)?;
    let given: Vec<&String> = asked.command.get_many("words").into_iter().flatten().collect();
    let free = method.params.iter().filter(|param| {
        let word = format!("{}=", param.name);
        is_word(&param.name)
            && param.name.starts_with(current)
            && !given.iter().any(|given| given.starts_with(&word))
    });
    let help = describe(method);
    Some(free.map(|param| candidate(&format!("{}=", param.name), &help)).collect())
}

/// What a shell has of a command line so far.
struct Asked {
    name: String,
    command: ArgMatches,
    globals: Globals,
}

impl Asked {
    /// Reads the words behind `--`, which end in the middle.
    fn read() -> Option<Self> {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        Self::of(words)
    }

    fn of(words: impl IntoIterator<Item = std::ffi::OsString>) -> Option<Self> {
        let matches = Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
        let (name, command) = matches.subcommand()?;
        let globals = Globals::from_arg_matches(command).ok()?;
        Some(Self { name: name.to_owned(), command: command.clone(), globals })
    }

    fn can_call(&self, method: &Method) -> bool {
        match method.kind {
            MethodKind::Init => false,
            MethodKind::View => true,
            MethodKind::Message => self.name != "view",
        }
    }

    /// The schema of the process that is named.
    fn schema(&self) -> Option<Arc<Schema>> {
        let process = self.command.get_one::<String>("process")?;
        self.of_cluster(async |session| {
            let process = session.process(process).await?;
            Ok(session.client.schema(process).await?)
        })?
    }

    /// What a cluster says, if one runs and answers at once.
    fn of_cluster<T>(&self, ask: impl AsyncFnOnce(&Session) -> Result<T, NodeError>) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let answer = runtime.block_on(async {
            let asked = async {
                let session = Session::open(&self.globals, Access::Read).await?;
                ask(&session).await
            };
            tokio::time::timeout(PATIENCE, Box::pin(asked)).await
        });
        runtime.shutdown_background();
        answer.ok()?.ok()
    }
}

/// A method with the first line of its documentation.
fn describe(method: &Method) -> String {
    match method.docs.lines().next() {
        Some(docs) if !docs.is_empty() => format!("{}: {docs}", signature(method)),
        _ => signature(method),
    }
}

/// Whether any shell takes a name as one word, as it is.
fn is_word(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

fn candidate(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(printable(help).into()))
}

#[cfg(test)]
mod tests;
