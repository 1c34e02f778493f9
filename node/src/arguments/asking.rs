//! Whom to ask for arguments that were not given.

use std::io::{self, BufRead, IsTerminal, Write};

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 1 << 20;

/// Somebody who may be asked.
pub(crate) trait Asker {
    /// Whether anybody is there to answer.
    fn can_ask(&self) -> bool;

    /// Asks; nothing if the answers are at their end.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;

    /// Tells whoever answered what is wrong with it.
    fn tell(&mut self, text: &str);
}

/// Nobody: a program runs the command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nobody;

impl Asker for Nobody {
    fn can_ask(&self) -> bool {
        false
    }

    fn ask(&mut self, _: &str) -> io::Result<Option<String>> {
        Ok(None)
    }

    fn tell(&mut self, _: &str) {}
}

/// Whoever sits at the terminal, if standard input and standard error are one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal;

impl Asker for Terminal {
    fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{}", crate::output::printable(question))?;
        stderr.flush()?;
        read_line(io::stdin().lock())
    }

    fn tell(&mut self, text: &str) {
        crate::output::note(&crate::output::printable(text));
    }
}

/// A line without its end; nothing at the end of the input.
fn read_line(input: impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = input.take(ANSWER_MAX).read_line(&mut line)?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok((read > 0).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests;
