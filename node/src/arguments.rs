//! Arguments as people write them on a command line: `by=3 to=bob`, read by the method's schema.
//!
//! Pure: what is missing may be asked for, but only through [`Asker`]. Arguments that are given as
//! JSON are not judged here; the actor judges them.

mod asking;
mod near;
mod spelling;
mod value;

use protocol::{
    Value,
    json::{self, JsonError},
    schema::{Method, Param, Type},
};

pub(crate) use asking::{Asker, Nobody, Terminal};
pub(crate) use near::nearest;
pub(crate) use spelling::{example, methods, signature, type_name};
pub(crate) use value::{ValueError, read as read_value};

/// How often a value that does not fit is asked for again.
const TRIES: usize = 3;

/// The words after a method's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// None.
    Nothing,
    /// One JSON document.
    Json(String),
    /// `name=value`, in the order given.
    Named(Vec<(String, String)>),
}

/// Why words are no arguments of a method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    /// Several words, of which one has no name.
    #[error("`{word}` has no name: write name=value, or one JSON document for all arguments")]
    Unnamed {
        /// The word.
        word: String,
    },
    /// A name stands twice.
    #[error("`{name}` is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The method has no such parameter.
    #[error("no parameter `{name}` in {signature}{}", near::suggestion(near.as_deref()))]
    UnknownName {
        /// The name.
        name: String,
        /// The method with its parameters.
        signature: String,
        /// What was perhaps meant.
        near: Option<String>,
    },
    /// A value is not of the parameter's type.
    #[error("{name}: {cause}, in {signature}")]
    Misfit {
        /// The parameter.
        name: String,
        /// What does not fit.
        cause: Box<ValueError>,
        /// The method with its parameters.
        signature: String,
    },
    /// Parameters without a value.
    #[error("{} missing, in {signature}", missing(names))]
    Missing {
        /// The parameters.
        names: Vec<String>,
        /// The method with its parameters.
        signature: String,
    },
    /// One word that is no JSON.
    #[error("the arguments are not JSON ({cause}): try {example}")]
    NotJson {
        /// What the parser says.
        cause: String,
        /// How arguments are written.
        example: String,
    },
    /// JSON that arguments cannot be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Whoever is asked cannot be.
    #[error("nobody can be asked for what is missing: {0}")]
    Asking(String),
}

impl Words {
    /// Sorts words out. What looks like `name=` is never JSON.
    pub(crate) fn of(words: &[String]) -> Result<Self, ArgumentError> {
        match words {
            [] => return Ok(Self::Nothing),
            [only] if named(only).is_none() => return Ok(Self::Json(only.clone())),
            _ => {}
        }
        let mut all: Vec<(String, String)> = Vec::with_capacity(words.len());
        for word in words {
            let unnamed = || ArgumentError::Unnamed { word: word.clone() };
            let (name, value) = named(word).ok_or_else(unnamed)?;
            if all.iter().any(|(other, _)| other == name) {
                return Err(ArgumentError::Twice { name: name.to_owned() });
            }
            all.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self::Named(all))
    }

    /// The arguments that the words mean, as a map from parameter to value. Without a method nothing
    /// is known of their types, and nothing is missing.
    pub(crate) fn read(
        &self,
        method: Option<&Method>,
        asker: &mut dyn Asker,
    ) -> Result<Value, ArgumentError> {
        let named = match (self, method) {
            (Self::Json(text), _) => return read_json(text, method),
            (Self::Nothing, _) => &[][..],
            (Self::Named(all), _) => all,
        };
        let Some(method) = method else {
            let untyped = Type::Named(String::new());
            let entries = named.iter().map(|(name, text)| entry(name, value::read(text, &untyped)));
            return Ok(Value::Map(entries.collect::<Result<_, _>>().map_err(|cause| {
                ArgumentError::Misfit {
                    name: "an argument".to_owned(),
                    cause: Box::new(cause),
                    signature: "a method without a schema".to_owned(),
                }
            })?));
        };
        let mut entries = Vec::with_capacity(method.params.len());
        for (name, text) in named {
            let param = method.params.iter().find(|param| param.name == *name);
            let param = param.ok_or_else(|| ArgumentError::UnknownName {
                name: name.clone(),
                signature: signature(method),
                near: nearest(name, method.params.iter().map(|param| param.name.as_str())),
            })?;
            let read = entry(name, value::read(text, &param.ty));
            entries.push(read.map_err(|cause| misfit(method, param, cause))?);
        }
        let given = |param: &&Param| named.iter().any(|(name, _)| *name == param.name);
        let missing = method.params.iter().filter(|param| !given(param) && required(param));
        let missing: Vec<&Param> = missing.collect();
        if !missing.is_empty() && !asker.can_ask() {
            let names = missing.iter().map(|param| param.name.clone()).collect();
            return Err(ArgumentError::Missing { names, signature: signature(method) });
        }
        for param in missing {
            entries.push(ask(method, param, asker)?);
        }
        Ok(Value::Map(entries))
    }
}

/// Reads a JSON document as arguments.
fn read_json(text: &str, method: Option<&Method>) -> Result<Value, ArgumentError> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        ArgumentError::NotJson { cause: error.to_string(), example: example(method) }
    })?;
    Ok(json::args_from_json(Some(&json), method)?)
}

/// Asks for one value, again where it does not fit.
fn ask(
    method: &Method,
    param: &Param,
    asker: &mut dyn Asker,
) -> Result<(Value, Value), ArgumentError> {
    let question = format!("{} ({}): ", param.name, type_name(&param.ty));
    let mut last = None;
    for _ in 0..TRIES {
        let answer =
            asker.ask(&question).map_err(|error| ArgumentError::Asking(error.to_string()))?;
        let Some(text) = answer else { break };
        match entry(&param.name, value::read(&text, &param.ty)) {
            Ok(entry) => return Ok(entry),
            Err(cause) => {
                asker.tell(&cause.to_string());
                last = Some(cause);
            }
        }
    }
    Err(match last {
        Some(cause) => misfit(method, param, cause),
        None => {
            let (names, signature) = (vec![param.name.clone()], signature(method));
            ArgumentError::Missing { names, signature }
        }
    })
}

/// A word as name and value, if it begins as a name does.
fn named(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    (starts && letters.all(|c| c.is_alphanumeric() || c == '_' || c == '-'))
        .then_some((name, value))
}

fn entry(name: &str, value: Result<Value, ValueError>) -> Result<(Value, Value), ValueError> {
    Ok((Value::Text(name.to_owned()), value?))
}

fn misfit(method: &Method, param: &Param, cause: ValueError) -> ArgumentError {
    let (name, cause) = (param.name.clone(), Box::new(cause));
    ArgumentError::Misfit { name, cause, signature: signature(method) }
}

/// Whether a parameter cannot be left out.
pub(crate) const fn required(param: &Param) -> bool {
    !matches!(param.ty, Type::Option(_))
}

fn missing(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    format!("{} {are}", quoted.join(", "))
}

#[cfg(test)]
mod tests;
