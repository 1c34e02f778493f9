//! Which slots of a log are wanted, and how a log is looked through for them in bounded steps. Pure.

use std::fmt::Write;

use protocol::{Principal, Reply, Slot};

use super::{
    facts::{Call, Problem, Progress, SlotFacts},
    fault::Fault,
};

/// The most characters of a field.
pub(crate) const FIELD_MAX: usize = 128;

/// Fewer characters of an identifier name nobody.
const PREFIX_MIN: usize = 6;

/// Slots read at once.
const CHUNK: u64 = 500;

/// Slots looked through for one page.
pub(crate) const SEARCHED_MAX: u64 = 5_000;

/// Which slots are wanted: those that fit everything said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The method or the kind of the entry.
    pub(crate) method: Option<String>,
    pub(crate) sender: Option<Sender>,
    pub(crate) outcome: Option<Wanted>,
}

/// Whose slots are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sender {
    Anonymous,
    Accounts,
    Processes,
    /// Those whose identifier begins so.
    Id(String),
}

/// What came of the slots that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// No error, be the reply there or to follow.
    Ok,
    /// An error.
    Error,
    /// Nothing yet.
    Waiting,
}

impl Wanted {
    /// All, as forms offer them.
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Error, Self::Waiting];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Waiting => "waiting",
        }
    }

    fn fits(self, progress: &Progress) -> bool {
        match progress {
            Progress::Executed(executed) => match executed.outcome.reply {
                Reply::Failure(_) => self == Self::Error,
                Reply::Value(_) | Reply::Later => self == Self::Ok,
            },
            Progress::Waiting => self == Self::Waiting,
            Progress::Unknown => false,
        }
    }
}

impl Sender {
    /// The word or the beginning of an identifier.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Accounts => "account",
            Self::Processes => "process",
            Self::Id(text) => text,
        }
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "anonymous" => Ok(Self::Anonymous),
            "account" => Ok(Self::Accounts),
            "process" => Ok(Self::Processes),
            _ => {
                let is_id =
                    text.len() >= PREFIX_MIN && text.chars().all(|c| c.is_ascii_alphanumeric());
                let problem = || {
                    let detail = format!(
                        "A sender is \"anonymous\", \"account\", \"process\", or an identifier or the \
                         first {PREFIX_MIN} characters of it at least."
                    );
                    Problem::new(Fault::BadParameter, detail, "Copy the identifier from a page.")
                };
                is_id.then(|| Self::Id(text.to_owned())).ok_or_else(problem)
            }
        }
    }

    fn fits(&self, from: &Principal) -> bool {
        match self {
            Self::Anonymous => matches!(from, Principal::Anonymous),
            Self::Accounts => matches!(from, Principal::Account(_)),
            Self::Processes => matches!(from, Principal::Process(_)),
            Self::Id(text) => from.to_string().starts_with(text),
        }
    }
}

impl Filter {
    /// Reads the fields of a form; what is empty is not said.
    pub(crate) fn parse(
        method: Option<&str>,
        sender: Option<&str>,
        outcome: Option<&str>,
    ) -> Result<Self, Problem> {
        let said = |text: Option<&str>| {
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            if text.is_some_and(|text| text.chars().count() > FIELD_MAX) {
                let detail = format!("A field has {FIELD_MAX} characters at the most.");
                return Err(Problem::new(Fault::BadParameter, detail, "Ask for less."));
            }
            Ok(text.map(str::to_owned))
        };
        let outcome = said(outcome)?.map(|text| {
            let found = Wanted::ALL.into_iter().find(|wanted| wanted.word() == text);
            let detail = "An outcome is \"ok\", \"error\" or \"waiting\".";
            found.ok_or_else(|| Problem::new(Fault::BadParameter, detail, "Choose one of them."))
        });
        let sender = said(sender)?.map(|text| Sender::parse(&text));
        Ok(Self {
            method: said(method)?,
            sender: sender.transpose()?,
            outcome: outcome.transpose()?,
        })
    }

    /// Whether every slot is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an entry is wanted, whatever came of it.
    pub(crate) fn fits_call(&self, call: &Call) -> bool {
        let named = |method: &String| {
            call.kind == method.as_str() || call.method.as_ref().is_some_and(|name| name == method)
        };
        self.method.as_ref().is_none_or(named)
            && self.sender.as_ref().is_none_or(|sender| sender.fits(&call.from))
    }

    /// Whether a slot is wanted.
    pub(crate) fn fits(&self, row: &SlotFacts) -> bool {
        self.fits_call(&row.call) && self.outcome.is_none_or(|wanted| wanted.fits(&row.progress))
    }

    /// A query string that asks for the same at another place.
    pub(crate) fn query(&self, place: Place) -> String {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            encode(value, &mut query);
        };
        if let Some(method) = &self.method {
            add("method", method);
        }
        if let Some(sender) = &self.sender {
            add("sender", sender.text());
        }
        if let Some(outcome) = self.outcome {
            add("outcome", outcome.word());
        }
        match place {
            Place::Newest => {}
            Place::Before(slot) => add("before", &slot.to_string()),
            Place::From(slot) => add("from", &slot.to_string()),
        }
        query
    }
}

/// Percent-encodes what is not certain to stand for itself (RFC 3986, "unreserved").
fn encode(text: &str, query: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(char::from(byte));
            }
            byte => write!(query, "%{byte:02X}").expect("a string takes any text"),
        }
    }
}

/// Where a page of a log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// At its end.
    #[default]
    Newest,
    /// Before a slot, towards older ones.
    Before(Slot),
    /// At a slot, towards newer ones.
    From(Slot),
}

/// Looks through a log from a place on, one piece after another, until it has enough.
#[derive(Debug)]
pub(crate) struct Search {
    rows: Vec<SlotFacts>,
    most: usize,
    /// What was looked through: from the first slot to before the second.
    span: (u64, u64),
    up: bool,
    next: u64,
    left: u64,
    piece: u64,
}

/// What a search came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// What fits, newest first.
    pub(crate) rows: Vec<SlotFacts>,
    /// What was looked through: from the first slot to before the second.
    pub(crate) span: (Slot, Slot),
    /// Whether it ended before it had enough, with slots left.
    pub(crate) cut: bool,
}

impl Search {
    /// Begins at a place of a log whose next free slot is given.
    pub(crate) fn new(place: Place, next: Slot, most: usize, all_fit: bool) -> Self {
        let (from, up) = match place {
            Place::Newest => (next, false),
            Place::Before(slot) => (slot.min(next), false),
            Place::From(slot) => (slot.min(next), true),
        };
        // Where all fit, one piece is the page.
        let enough = u64::try_from(most).unwrap_or(u64::MAX);
        let (left, piece) = if all_fit { (enough, enough) } else { (SEARCHED_MAX, CHUNK) };
        let (span, next) = ((from.get(), from.get()), next.get());
        Self { rows: Vec::new(), most, span, up, next, left, piece }
    }

    /// The next piece to read: its first slot, and how many.
    pub(crate) fn piece(&self) -> Option<(Slot, u32)> {
        if self.rows.len() >= self.most {
            return None;
        }
        let (first, end) = self.span;
        let room = if self.up { self.next.saturating_sub(end) } else { first };
        let count = room.min(self.left).min(self.piece);
        let from = if self.up { end } else { first.saturating_sub(count) };
        let count = u32::try_from(count).ok().filter(|count| *count > 0)?;
        Some((Slot::new(from), count))
    }

    /// Takes what fits of a piece of so many slots, oldest first.
    pub(crate) fn take(&mut self, mut fit: Vec<SlotFacts>, count: u32) {
        let read = u64::from(count);
        self.left = self.left.saturating_sub(read);
        if !self.up {
            fit.reverse();
        }
        let room = self.most.saturating_sub(self.rows.len());
        // What is over belongs to the next page.
        let over = fit.get(room).map(|row| row.assignment.slot.get());
        fit.truncate(room);
        let last = fit.last().map(|row| row.assignment.slot.get()).filter(|_| over.is_some());
        self.rows.append(&mut fit);
        let (first, end) = &mut self.span;
        match (self.up, last) {
            (true, Some(last)) => *end = last.saturating_add(1),
            (true, None) => *end = end.saturating_add(read).min(self.next),
            (false, Some(last)) => *first = last,
            (false, None) => *first = first.saturating_sub(read),
        }
    }

    /// What was found.
    pub(crate) fn finish(self) -> Found {
        let Self { mut rows, most, span: (first, end), up, next, .. } = self;
        let more = if up { end < next } else { first > 0 };
        let cut = rows.len() < most && more;
        if up {
            rows.reverse();
        }
        Found { rows, span: (Slot::new(first), Slot::new(end)), cut }
    }
}

#[cfg(test)]
mod tests;
