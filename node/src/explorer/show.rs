//! The small pieces of all pages: identifiers, times, numbers, values and hostile text.

use std::{
    fmt::{Display, Write},
    io,
};

use maud::{Markup, html};
use protocol::{
    AccountId, ControlAction, EntryId, ModuleId, Principal, ProcessId, Timestamp, UnitId,
    json::bytes_to_json,
};
use serde::Serialize;
use serde_json::{Serializer, Value as Json, ser::Formatter};

use super::facts::Names;

/// The most characters of a value in a table.
const LINE_MAX: usize = 140;

/// The most characters of a value on its own.
const BLOCK_MAX: usize = 16 * 1_024;

/// Values longer than this are not decoded for a table.
const LINE_BYTES_MAX: usize = 16 * 1_024;

/// Values longer than this are not decoded at all.
const BLOCK_BYTES_MAX: usize = 256 * 1_024;

/// Text of an actor or a unit: at most `max` characters, and none that would move what stands
/// around it.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut shown = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == max {
            shown.push('…');
            break;
        }
        match char {
            '\n' | '\t' => shown.push(char),
            char if char.is_control() || moves_text(char) => {
                write!(shown, "\\u{{{:x}}}", u32::from(char)).expect("a string takes any text");
            }
            char => shown.push(char),
        }
    }
    shown
}

/// Whether a character reorders or hides text (Unicode bidirectional and zero-width controls).
const fn moves_text(char: char) -> bool {
    matches!(char,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An identifier without its middle.
pub(super) fn short(id: &str) -> String {
    let (Some(head), Some(tail)) =
        (id.get(..id.find('1').unwrap_or(0) + 7), id.get(id.len().saturating_sub(4)..))
    else {
        return plain(id, 16);
    };
    if id.len() <= head.len() + tail.len() { id.to_owned() } else { format!("{head}…{tail}") }
}

/// An identifier in full, easy to copy.
pub(super) fn full(id: impl Display) -> Markup {
    let id = id.to_string();
    html! {
        span.full {
            code.id { (id) }
            button.copy type="button" data-copy=(id) hidden { "copy" }
        }
    }
}

/// An identifier that is shortened, with the whole of it at hand.
pub(super) fn brief(id: impl Display) -> Markup {
    let id = id.to_string();
    html! { code.id title=(id) { (short(&id)) } }
}

/// A link to a process, by name if it has one.
pub(super) fn process(process: &ProcessId, names: &Names) -> Markup {
    let id = process.to_string();
    html! {
        a.process href={ "/process/" (id) } title=(id) {
            @if let Some(name) = names.get(process) { bdi { (plain(name, 40)) } }
            @else { code.id { (short(&id)) } }
        }
    }
}

/// A link to a message.
pub(super) fn message(entry: &EntryId, text: impl Display) -> Markup {
    let id = entry.to_string();
    html! { a href={ "/message/" (id) } title=(id) { (text) } }
}

/// A link to a unit.
pub(super) fn unit(unit: &UnitId) -> Markup {
    let id = unit.to_string();
    html! { a href={ "/unit/" (id) } title=(id) { code.id { (short(&id)) } } }
}

/// A link to a module.
pub(super) fn module(module: &ModuleId) -> Markup {
    let id = module.to_string();
    html! { a href={ "/module/" (id) } title=(id) { code.id { (short(&id)) } } }
}

/// A link to an account.
pub(super) fn account(account: &AccountId) -> Markup {
    let id = account.to_string();
    html! { a href={ "/account/" (id) } title=(id) { code.id { (short(&id)) } } }
}

/// Who acts.
pub(super) fn principal(who: &Principal, names: &Names) -> Markup {
    match who {
        Principal::Anonymous => html! { span.quiet { "anonymous" } },
        Principal::Account(id) => account(id),
        Principal::Process(id) => process(id, names),
    }
}

/// An instant, in UTC.
pub(super) fn time(at: Timestamp) -> Markup {
    let Some((date, clock)) = utc(at) else { return html! { (at) } };
    html! { time datetime={ (date) "T" (clock) "Z" } title={ (date) " " (clock) " UTC" } { span.date { (date) } " " span.clock { (clock) } } }
}

/// An instant to the minute, in UTC.
pub(super) fn minute(at: Timestamp) -> Markup {
    let Some((date, clock)) = utc(at) else { return html! { (at) } };
    let minute = clock.get(..5).unwrap_or(&clock);
    html! { time datetime={ (date) "T" (clock) "Z" } title={ (date) " " (clock) " UTC" } { (date) " " (minute) } }
}

/// Date and time of day of an instant before the year 10000.
pub(super) fn utc(at: Timestamp) -> Option<(String, String)> {
    let (days, millis) = (at.get() / 86_400_000, at.get() % 86_400_000);
    // Days to civil date after Howard Hinnant; eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    if year > 9_999 {
        return None;
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, millis) = (millis / 1_000 % 60, millis % 1_000);
    Some((
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}"),
    ))
}

/// A number with its digits in groups.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{}.{} KiB", bytes >> 10, ((bytes & 1_023) * 10) >> 10),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 1_048_575) * 10) >> 20),
    }
}

/// "1 log", "2 logs".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A CBOR value as one short line of JSON.
pub(super) fn value_line(bytes: &[u8]) -> String {
    if bytes.len() > LINE_BYTES_MAX {
        return format!("({} of CBOR)", size(bytes.len() as u64));
    }
    plain(&spaced(&bytes_to_json(bytes)), LINE_MAX)
}

/// A CBOR value as indented JSON.
pub(super) fn value_block(bytes: &[u8]) -> Markup {
    if bytes.len() > BLOCK_BYTES_MAX {
        return html! { p.quiet { "Too large to show: " (size(bytes.len() as u64)) " of CBOR." } };
    }
    let json = bytes_to_json(bytes);
    let text = serde_json::to_string_pretty(&json).unwrap_or_else(|_| json.to_string());
    html! { pre.value tabindex="0" { code { (plain(&text, BLOCK_MAX)) } } }
}

/// Arguments as they stand between the parentheses of a call.
pub(super) fn args_line(bytes: &[u8]) -> String {
    if bytes.len() > LINE_BYTES_MAX {
        return value_line(bytes);
    }
    match abbreviated(bytes_to_json(bytes)) {
        Json::Null => String::new(),
        Json::Object(args) => {
            let args: Vec<String> =
                args.iter().map(|(name, arg)| format!("{name}: {}", spaced(arg))).collect();
            plain(&args.join(", "), LINE_MAX)
        }
        other => plain(&spaced(&other), LINE_MAX),
    }
}

/// JSON with its identifiers shortened.
fn abbreviated(json: Json) -> Json {
    match json {
        Json::String(text) if is_id(&text) => Json::String(short(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(abbreviated).collect()),
        Json::Object(fields) => Json::Object(
            fields.into_iter().map(|(name, value)| (name, abbreviated(value))).collect(),
        ),
        other => other,
    }
}

fn is_id(text: &str) -> bool {
    text.parse::<Principal>().is_ok()
        || text.parse::<EntryId>().is_ok()
        || text.parse::<UnitId>().is_ok()
}

/// JSON on one line that can be broken between its items.
pub(super) fn spaced(json: &Json) -> String {
    let mut text = Vec::new();
    let mut writer = Serializer::with_formatter(&mut text, Spaced);
    json.serialize(&mut writer).expect("JSON in memory can be written");
    String::from_utf8(text).expect("JSON is UTF-8")
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}

/// A word in a coloured box.
pub(super) fn badge(tone: &'static str, text: impl Display) -> Markup {
    html! { span class={ "badge " (tone) } { (text) } }
}

/// The code of a failure as an actor chose it.
pub(super) fn code_badge(code: &str) -> Markup {
    badge("bad", plain(code, 40))
}

/// The word for what a controller orders.
pub(crate) const fn order(action: &ControlAction) -> &'static str {
    match action {
        ControlAction::Upgrade { .. } => "upgrade",
        ControlAction::Policy(_) => "policy",
        ControlAction::Controller(_) => "controller",
        ControlAction::Move(_) => "move",
        ControlAction::Stop => "stop",
        ControlAction::Takeover { .. } => "takeover",
    }
}

#[cfg(test)]
mod tests;
