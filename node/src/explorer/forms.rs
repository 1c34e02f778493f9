//! The form of one method: a field for each parameter, and below it what came of it.
//!
//! It is a plain form of HTML; a script only keeps the page while it is submitted. A message has a
//! form only where the gateway has a key to sign it with; elsewhere stands how to send it.

mod field;

use maud::{Markup, html};
use protocol::{
    EntryId, Failure, Principal, ProcessId, Slot, Value,
    schema::{Method, MethodKind, Type},
};

use super::{
    facts::{Names, Problem},
    problem,
    show::{self, badge, number, plain},
};
use crate::arguments::{example, signature, type_name};

pub(crate) use field::{FIELDS_MAX, Given, Wrong, read};

/// A method of a process, and what was typed into its form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) process: ProcessId,
    /// The name of the process.
    pub(crate) name: &'a str,
    pub(crate) method: &'a Method,
    /// Who signs messages; anonymous where there is no key.
    pub(crate) signer: Principal,
    pub(crate) given: &'a Given,
    pub(crate) wrong: &'a Wrong,
}

/// What came of a form.
#[derive(Debug)]
pub(crate) enum Came {
    /// Nothing yet.
    Nothing,
    /// A view's answer, on the state after a slot.
    Viewed(Value, Slot),
    /// The final reply to a message, in CBOR.
    Replied(EntryId, Slot, Result<Vec<u8>, Failure>),
    /// A message whose reply is not there yet: `sent`, `assigned` or `executed`.
    UnderWay(EntryId, Option<Slot>, &'static str),
    /// Neither.
    Failed(Problem),
}

/// Where the form of a method is; none if it is not there to be called.
pub(super) fn path(process: &ProcessId, method: &Method) -> Option<String> {
    let callable = method.kind != MethodKind::Init;
    callable.then(|| format!("/process/{process}/call?method={}", in_query(&method.name)))
}

/// A link to the form of a method.
pub(super) fn link(process: &ProcessId, method: &Method) -> Markup {
    let verb = if method.kind == MethodKind::View { "ask" } else { "send" };
    html! {
        @if let Some(path) = path(process, method) {
            " " a.go href=(path) aria-label={ (verb) " " (plain(&method.name, 60)) } { (verb) }
        }
    }
}

/// What the page is called.
pub(crate) fn title(method: &Method) -> String {
    plain(&method.name, 60)
}

/// The form, and what came of it.
pub(crate) fn page(form: &Form<'_>, came: &Came) -> Markup {
    let Form { process, name, method, .. } = form;
    let is_view = method.kind == MethodKind::View;
    let name = if name.is_empty() { "Process without a name" } else { name };
    html! {
        p.crumbs {
            a href="/processes" { "Processes" } " / "
            a href={ "/process/" (process) } { bdi { (plain(name, 60)) } }
        }
        h1 { code { (plain(&method.name, 128)) } " " (badge("kind", if is_view { "view" } else { "message" })) }
        p.lead {
            code {
                (plain(&signature(method), 400))
                @if method.returns != Type::Null { " → " (plain(&type_name(&method.returns), 60)) }
            }
        }
        @if !method.docs.is_empty() { p { bdi { (plain(&method.docs, 2_000)) } } }
        section aria-labelledby="form" {
            h2 #form { @if is_view { "Ask" } @else { "Send" } }
            @if method.params.len() > FIELDS_MAX {
                p.empty { "It has more parameters than a form has fields." }
            } @else if is_view || form.signer != Principal::Anonymous {
                (fields(form, is_view))
            } @else {
                p { "This gateway holds no key to sign messages with. Send it with a key of yours:" }
                (command(process, method))
                p.quiet { "A gateway of a cluster started with " code { "--dev-key" } " has a form here." }
            }
        }
        // Stands there from the start, so that what comes is read out.
        div #came aria-live="polite" { (self::came(process, came)) }
        @if is_view || form.signer != Principal::Anonymous {
            details { summary { "On the command line" } (command(process, method)) }
        }
        script type="module" src="/assets/forms.js" {}
    }
}

fn fields(form: &Form<'_>, is_view: bool) -> Markup {
    html! {
        form.fill method="post" action=[path(&form.process, form.method)] {
            @if form.wrong.outdated {
                p.problem role="alert" { "The method has changed since the form was made. Look at it again." }
            } @else if !form.wrong.fields.is_empty() {
                p.problem role="alert" { "Not every value is of its type." }
            }
            (field::fields(form.method, form.given, form.wrong))
            p.submit {
                button type="submit" { @if is_view { "Ask" } @else { "Send" } } " "
                @if !is_view {
                    span.quiet { "signed by " (show::principal(&form.signer, &Names::default())) ", the key this gateway holds" }
                }
            }
        }
    }
}

fn came(process: &ProcessId, came: &Came) -> Markup {
    match came {
        Came::Nothing => html! {},
        Came::Failed(problem) => html! { section { h2 { "It failed" } (problem::note(problem)) } },
        Came::Viewed(reply, slot) => html! {
            section {
                h2 { "Reply" }
                (show::value_block(&reply.encode().unwrap_or_default()))
                p.quiet { "On the state after slot " (at(process, *slot)) }
            }
        },
        Came::Replied(message, slot, reply) => html! {
            section {
                h2 { @if reply.is_ok() { "Reply" } @else { "It failed" } }
                @match reply {
                    Ok(reply) => (show::value_block(reply)),
                    Err(failure) => div.problem role="note" {
                        (show::code_badge(&failure.code)) " " bdi { (plain(&failure.detail, 500)) }
                    },
                }
                p.quiet { "Message " (show::message(message, format!("in slot {}", number(slot.get())))) }
            }
        },
        Came::UnderWay(message, slot, state) => html! {
            section {
                h2 { "No reply yet" }
                p {
                    (badge("wait", state)) " "
                    @if slot.is_none() { "Nothing is certain: it may not have been taken. " }
                    (show::message(message, "See what becomes of the message"))
                }
            }
        },
    }
}

fn at(process: &ProcessId, slot: Slot) -> Markup {
    let behind = slot.get().saturating_add(1);
    html! { a href={ "/process/" (process) "?before=" (behind) "#s-" (slot) } { (number(slot.get())) } }
}

/// The same on a command line.
fn command(process: &ProcessId, method: &Method) -> Markup {
    match typed(process, method) {
        Some(line) => html! {
            p.command { code { (line) } button.copy type="button" data-copy=(line) hidden { "copy" } }
        },
        None => html! {
            p { code { "antiphon send " (process) " METHOD ARGUMENTS" } }
            p.quiet { "Its names are none that a shell takes as they are." }
        },
    }
}

/// The command that calls a method, unless a shell could read a name in it as anything but a word.
fn typed(process: &ProcessId, method: &Method) -> Option<String> {
    let verb = if method.kind == MethodKind::View { "view" } else { "send" };
    let mut line = format!("antiphon {verb} {process} {}", method.name);
    let mut names = std::iter::once(&method.name).chain(method.params.iter().map(|p| &p.name));
    if !method.params.is_empty() {
        line.push(' ');
        line.push_str(&example(Some(method)));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.= '[]{}".contains(&byte);
    (names.all(|name| is_word(name)) && line.bytes().all(plain)).then_some(line)
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A text as it stands behind a `=` in an address.
fn in_query(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            shown.push(char::from(byte));
        } else {
            shown.push_str(&format!("%{byte:02X}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests;
