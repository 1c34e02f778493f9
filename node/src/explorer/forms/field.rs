//! One field of a form for each parameter of a method, and the arguments that its texts mean.
//!
//! Fields are numbered: a name in a schema is a stranger's text, which a browser may not send back as
//! it was. So a form carries the mark of the method it was made for, and is read by no other.

use std::collections::BTreeMap;

use maud::{Markup, html};
use protocol::{
    Hash, Value, codec,
    schema::{Field, Method, Param, Type, Variant},
};

use super::super::show::plain;
use crate::arguments::{read_value, required, type_name};

/// Parameters that a form has fields for.
pub(crate) const FIELDS_MAX: usize = 64;

/// Variants that are offered as a list.
const OPTIONS_MAX: usize = 100;

/// The most characters of a type that is spelled out.
const TYPE_MAX: usize = 400;

/// The most characters of what is wrong with a text.
const WRONG_MAX: usize = 300;

/// The field that carries the mark of the method.
const MARK: &str = "mark";

/// The texts of a form, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given(BTreeMap<String, String>);

/// Why the texts of a form are no arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Whether the form was made for another method.
    pub(crate) outdated: bool,
    /// What is wrong with a field, by its number.
    pub(crate) fields: BTreeMap<usize, String>,
}

/// How a value is put in.
#[derive(Debug, PartialEq, Eq)]
enum Control<'a> {
    /// On one line, with what a keyboard on a screen should offer.
    Line(&'static str),
    /// As one of these words.
    OneOf(Vec<&'a str>),
    /// On several lines.
    Lines,
}

impl Given {
    /// The texts of a body, by field; of two of one field the last.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    fn text(&self, number: usize) -> Option<&str> {
        self.0.get(&name(number)).map(String::as_str)
    }
}

/// The arguments that a form's texts mean. A parameter that may be left out is, where its field is
/// empty.
///
/// # Errors
///
/// What is wrong with each field.
pub(crate) fn read(method: &Method, given: &Given) -> Result<Value, Wrong> {
    let mut wrong =
        Wrong { outdated: given.0.get(MARK) != Some(&mark(method)), ..Wrong::default() };
    let mut entries = Vec::with_capacity(method.params.len());
    for (number, param) in method.params.iter().enumerate() {
        match value_of(param, given.text(number)) {
            Ok(Some(value)) => entries.push((Value::Text(param.name.clone()), value)),
            Ok(None) => {}
            Err(error) => {
                wrong.fields.insert(number, plain(&error, WRONG_MAX));
            }
        }
    }
    if wrong.outdated || !wrong.fields.is_empty() { Err(wrong) } else { Ok(Value::Map(entries)) }
}

fn value_of(param: &Param, text: Option<&str>) -> Result<Option<Value>, String> {
    // Browsers send every end of a line as two characters.
    let text = text.unwrap_or_default().replace("\r\n", "\n");
    match (text.is_empty(), &param.ty) {
        (true, Type::Option(_)) => return Ok(None),
        (false, _) | (true, Type::Text | Type::Null) => {}
        (true, _) => return Err("A value is needed.".to_owned()),
    }
    let is_text = matches!(inner(&param.ty), Type::Text);
    let text = if is_text { text.as_str() } else { text.trim() };
    read_value(text, &param.ty).map(Some).map_err(|error| error.to_string())
}

/// All fields of a method's form, with what was typed and what is wrong with it.
pub(super) fn fields(method: &Method, given: &Given, wrong: &Wrong) -> Markup {
    let first = wrong.fields.keys().next().copied();
    html! {
        input type="hidden" name=(MARK) value=(mark(method));
        @for (number, param) in method.params.iter().enumerate() {
            (field(number, param, given.text(number), wrong.fields.get(&number), first == Some(number)))
        }
    }
}

fn field(
    number: usize,
    param: &Param,
    text: Option<&str>,
    wrong: Option<&String>,
    focus: bool,
) -> Markup {
    let (id, text) = (name(number), text.unwrap_or_default());
    let (hint, error) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described = format!("{hint} {error}");
    let invalid = wrong.map(|_| "true");
    html! {
        div.field {
            label for=(id) { code { (plain(&param.name, 60)) } }
            @match control(&param.ty) {
                Control::Line(mode) => {
                    input type="text" id=(id) name=(id) value=(text) inputmode=(mode)
                        autocomplete="off" autocapitalize="off" spellcheck="false"
                        aria-describedby=(described) aria-invalid=[invalid] autofocus[focus];
                }
                Control::OneOf(words) => {
                    select id=(id) name=(id) aria-describedby=(described) aria-invalid=[invalid]
                        autofocus[focus] {
                        option value="" {
                            @if required(param) { "choose" } @else { "left out" }
                        }
                        @for word in words { option value=(word) selected[word == text] { (word) } }
                    }
                }
                Control::Lines => {
                    // The first end of a line in a text area does not count.
                    textarea id=(id) name=(id) rows="1" autocomplete="off" autocapitalize="off"
                        spellcheck="false" aria-describedby=(described) aria-invalid=[invalid]
                        autofocus[focus] { "\n" (text) }
                }
            }
            p.quiet id=(hint) {
                code { (plain(&spelled(&param.ty), TYPE_MAX)) }
                @if let Some(how) = written(&param.ty) { ", " (how) }
                @if !required(param) { ", optional" }
            }
            p.wrong id=(error) { @if let Some(wrong) = wrong { (wrong) } }
        }
    }
}

/// What tells one method from another, or from what it was before an upgrade.
fn mark(method: &Method) -> String {
    Hash::of_blob(&codec::encode(method)).to_string()
}

fn name(number: usize) -> String {
    format!("p{number}")
}

/// A type without the wrapping that lets a value be left out.
fn inner(ty: &Type) -> &Type {
    match ty {
        Type::Option(of) => inner(of),
        other => other,
    }
}

fn control(ty: &Type) -> Control<'_> {
    match inner(ty) {
        Type::Bool => Control::OneOf(vec!["true", "false"]),
        Type::Choice { variants, .. } => words(variants).map_or(Control::Lines, Control::OneOf),
        Type::Integer { signed: false, .. } => Control::Line("numeric"),
        // Keyboards for numbers lack the sign.
        Type::Integer { signed: true, .. }
        | Type::Float
        | Type::Null
        | Type::Id(_)
        | Type::Bytes
        | Type::Option(_) => Control::Line("text"),
        Type::Text
        | Type::List(_)
        | Type::Map(..)
        | Type::Named(_)
        | Type::Record { .. }
        | Type::Tuple(_) => Control::Lines,
    }
}

/// The names of variants of which none holds anything, if people can tell them apart.
fn words(variants: &[Variant]) -> Option<Vec<&str>> {
    let shown = |name: &str| !name.is_empty() && plain(name, 60) == name && name.trim() == name;
    let fits = variants.len() <= OPTIONS_MAX
        && variants.iter().all(|variant| variant.content.is_none() && shown(&variant.name));
    fits.then(|| variants.iter().map(|variant| variant.name.as_str()).collect())
}

/// How a value is written, where its type does not tell.
fn written(ty: &Type) -> Option<&'static str> {
    match inner(ty) {
        Type::Bytes => Some("as 0x and hex digits, or base64: and base64"),
        Type::Choice { variants, .. } if words(variants).is_some() => None,
        Type::Named(_) => Some("as JSON, or as text"),
        Type::List(_)
        | Type::Map(..)
        | Type::Record { .. }
        | Type::Choice { .. }
        | Type::Tuple(_) => Some("as JSON"),
        _ => None,
    }
}

/// A type with the fields and variants of its outermost structure.
fn spelled(ty: &Type) -> String {
    let optional = |field: &Field| if field.optional { "?" } else { "" };
    match inner(ty) {
        Type::Record { name, fields } => {
            let fields = fields.iter().map(|field| {
                format!("{:?}{}: {}", field.name, optional(field), type_name(&field.ty))
            });
            format!("{name} {{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Choice { name, variants } => {
            let variants = variants.iter().map(|variant| match &variant.content {
                None => format!("{:?}", variant.name),
                Some(of) => format!("{{{:?}: {}}}", variant.name, type_name(of)),
            });
            format!("{name}: {}", variants.collect::<Vec<_>>().join(" or "))
        }
        other => type_name(other),
    }
}

#[cfg(test)]
mod tests;
