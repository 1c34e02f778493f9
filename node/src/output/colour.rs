//! Whether to print in colour: only to a terminal, unless somebody says otherwise.
//!
//! `--color` comes first, then `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR` by their conventions
//! (no-color.org, bixense.com/clicolors), then what the stream is.

use std::ffi::OsString;

use clap::{
    ColorChoice, ValueEnum,
    builder::styling::{AnsiColor, Style},
};

/// What goes wrong.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().bold();

/// What somebody should know of.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();

/// What is as it should be.
pub(crate) const FINE: Style = AnsiColor::Green.on_default();

/// What other words belong to.
pub(crate) const LABEL: Style = Style::new().bold();

/// Whether a stream gets colours.
pub(crate) fn is_on(choice: ColorChoice, is_terminal: bool) -> bool {
    decide(choice, |name| std::env::var_os(name), is_terminal)
}

fn decide(
    choice: ColorChoice,
    variable: impl Fn(&str) -> Option<OsString>,
    is_terminal: bool,
) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR").is_some() => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorChoice::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
        ColorChoice::Auto if set("TERM").is_some_and(|value| value == "dumb") => false,
        ColorChoice::Auto => is_terminal,
    }
}

/// A text in a style, if colours are on.
pub(crate) fn paint(on: bool, style: Style, text: &str) -> String {
    if on { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// What `--color` says among words that may not be a command at all: help and mistakes are printed
/// before the command line is understood.
pub(crate) fn among(words: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut words = words.into_iter().take_while(|word| word != "--");
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        let said = match word.strip_prefix("--color") {
            Some("") => words.next().map(|word| word.to_string_lossy().into_owned()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        if let Some(choice) = said.and_then(|said| ColorChoice::from_str(&said, false).ok()) {
            return choice;
        }
    }
    ColorChoice::Auto
}

#[cfg(test)]
mod tests;
