//! The pages of error codes: what happened, what it means for the effect, what to do, an example.
//!
//! A page is a row of `docs/errors.md` with its section of `docs/explain.md`; nothing of it stands
//! anywhere else. Tests hold both against every code that there is.

use serde::Serialize;

use crate::error::NodeError;

/// The tables of codes.
const TABLES: &str = include_str!("../../docs/errors.md");

/// What each code means for the effect, with an example.
const TEXTS: &str = include_str!("../../docs/explain.md");

/// How much greater the printed numbers of failures are than those in outcomes.
const FAILURES_FROM: u16 = 200;

/// What has an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// A unit refuses a message.
    Refusal,
    /// The execution of a slot fails.
    Failure,
    /// The client library.
    Client,
    /// The command line.
    Command,
    /// An actor that is built with the SDK; these have no numbers of their own.
    Actor,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    /// The number that is printed with it.
    pub(crate) number: u16,
    /// The word.
    pub(crate) word: String,
    /// What has this error.
    pub(crate) origin: Origin,
    /// How the command line exits.
    pub(crate) exit: u8,
    /// What happened.
    pub(crate) happened: String,
    /// Whether what was asked for took effect.
    pub(crate) effect: String,
    /// What to do.
    pub(crate) todo: String,
    /// An example, which may have several lines.
    pub(crate) example: String,
}

impl Origin {
    /// What has errors, by the headings of the page of tables.
    const ALL: [(Self, &str); 5] = [
        (Self::Refusal, "## Refusals"),
        (Self::Failure, "## Failures"),
        (Self::Client, "## Errors of the client"),
        (Self::Command, "## Errors of the command line"),
        (Self::Actor, "## Words of the SDK"),
    ];
}

/// All pages, by number.
pub(crate) fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> =
        Origin::ALL.iter().flat_map(|(origin, heading)| rows(heading, *origin)).collect();
    pages.sort_by_key(|page| (page.number, page.origin == Origin::Actor));
    pages
}

/// The pages of a number or a word; several where a word has several meanings.
pub(crate) fn find(code: &str) -> Vec<Page> {
    let number = code.parse::<u16>().ok();
    let fits = |page: &Page| match number {
        Some(number) => page.number == number && page.origin != Origin::Actor,
        None => page.word == code,
    };
    pages().into_iter().filter(fits).collect()
}

/// The page of an error that a command ends with.
pub(crate) fn page_of(error: &NodeError) -> Option<Page> {
    let (number, word) = (error.number(), error.code());
    let pages = pages();
    let executed = |page: &&Page| matches!(page.origin, Origin::Failure | Origin::Actor);
    let said = || pages.iter().filter(executed).find(|page| page.word == word);
    let numbered = || pages.iter().find(|page| page.number == number);
    let of_actor = number == FAILURES_FROM;
    of_actor.then(said).flatten().or_else(numbered).cloned()
}

impl Page {
    /// What `antiphon explain` finds this page by: the word, or the number where the word has
    /// several meanings.
    pub(crate) fn code(&self) -> String {
        match find(&self.word).len() {
            1 => self.word.clone(),
            _ if self.origin == Origin::Actor => self.word.clone(),
            _ => self.number.to_string(),
        }
    }

    /// The page for people.
    pub(crate) fn text(&self) -> String {
        let Self { number, word, exit, happened, effect, todo, example, .. } = self;
        let example = example.replace('\n', "\n  ");
        format!(
            "{number} {word}, exit code {exit}\n\nWhat happened\n  {happened}\n\nWhat it means\n  \
             {effect}\n\nWhat to do\n  {todo}\n\nExample\n  {example}"
        )
    }
}

/// The pages of one table.
fn rows(heading: &str, origin: Origin) -> Vec<Page> {
    let section = TABLES.lines().skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let cells = section.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    cells.filter_map(|row| page(&row.split(" | ").collect::<Vec<_>>(), origin)).collect()
}

/// A page by the cells of its row; nothing for a row that is a heading.
fn page(cells: &[&str], origin: Origin) -> Option<Page> {
    let (number, word, exit, happened, todo) = match (origin, cells) {
        (Origin::Refusal, [number, word, _, happened, todo]) => {
            let exit = match *word {
                "`unreachable`" => 1,
                "`view-failed`" => 4,
                _ => 3,
            };
            (number.parse().ok()?, word, exit, happened, todo)
        }
        (Origin::Failure, [number, word, happened, todo]) => {
            (FAILURES_FROM.checked_add(number.parse().ok()?)?, word, 4, happened, todo)
        }
        (Origin::Client | Origin::Command, [number, word, exit, happened, todo]) => {
            (number.parse().ok()?, word, exit.parse().ok()?, happened, todo)
        }
        (Origin::Actor, [word, happened, todo]) => (FAILURES_FROM, word, 4, happened, todo),
        _ => return None,
    };
    let word = word.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let key = if origin == Origin::Actor { word.clone() } else { format!("{number} {word}") };
    let (effect, example) = text(&key);
    let (happened, todo) = ((*happened).to_owned(), (*todo).to_owned());
    Some(Page { number, word, origin, exit, happened, effect, todo, example })
}

/// The effect and the example of a section; empty where there is none, which tests do not let
/// happen.
fn text(key: &str) -> (String, String) {
    let heading = format!("### {key}");
    let section = TEXTS.lines().skip_while(|line| *line != heading).skip(1);
    let section: Vec<&str> = section.take_while(|line| !line.starts_with('#')).collect();
    let at = section.iter().position(|line| line.starts_with("Example:"));
    let (effect, example) = section.split_at(at.unwrap_or(section.len()));
    let effect: Vec<&str> = effect.iter().copied().filter(|line| !line.is_empty()).collect();
    let mut example = example.to_vec();
    if let Some(first) = example.first_mut() {
        *first = first.strip_prefix("Example:").unwrap_or(first).trim();
    }
    let shown = example.iter().map(|line| line.trim_start_matches("    "));
    let shown: Vec<&str> = shown.filter(|line| !line.is_empty()).collect();
    (effect.join(" "), sentence(&shown.join("\n")))
}

/// A text that begins as a sentence does.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
