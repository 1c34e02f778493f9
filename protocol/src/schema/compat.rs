//! What a new schema breaks of an old one: for whoever is about to upgrade a process that others call.
//!
//! Only what callers can notice counts: initialisers, docs and the order of methods and parameters do
//! not.

use std::fmt;

use super::{Method, MethodKind, Param, Schema, Type};

/// Something that callers of the old module, or its state, relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaBreak {
    /// A method is gone.
    MethodRemoved {
        /// The method.
        method: String,
    },
    /// A view became a message, or a message a view.
    KindChanged {
        /// The method.
        method: String,
        /// What it is now.
        now: MethodKind,
    },
    /// A parameter is gone.
    ParamRemoved {
        /// The method.
        method: String,
        /// The parameter.
        param: String,
    },
    /// A parameter came that cannot be left out.
    ParamAdded {
        /// The method.
        method: String,
        /// The parameter.
        param: String,
    },
    /// A parameter has another type, which does not take all that the old one took.
    ParamChanged {
        /// The method.
        method: String,
        /// The parameter.
        param: String,
    },
    /// A reply has another type.
    ReturnsChanged {
        /// The method.
        method: String,
    },
    /// The state would be given to a module that only knows older ones.
    StateVersionLower {
        /// The version of the old module.
        old: u32,
        /// The version of the new one.
        new: u32,
    },
}

/// All that a new schema breaks of an old one, in the order of the old one's methods.
pub fn breaking_changes(old: &Schema, new: &Schema) -> Vec<SchemaBreak> {
    let mut breaks = Vec::new();
    if new.state_version < old.state_version {
        let (old, new) = (old.state_version, new.state_version);
        breaks.push(SchemaBreak::StateVersionLower { old, new });
    }
    for before in callable(old) {
        match callable(new).find(|after| after.name == before.name) {
            Some(after) => compare(before, after, &mut breaks),
            None => breaks.push(SchemaBreak::MethodRemoved { method: before.name.clone() }),
        }
    }
    breaks
}

/// What can be called: an initialiser is not, once the process is born.
fn callable(schema: &Schema) -> impl Iterator<Item = &Method> {
    schema.methods.iter().filter(|method| method.kind != MethodKind::Init)
}

fn compare(before: &Method, after: &Method, breaks: &mut Vec<SchemaBreak>) {
    let method = || before.name.clone();
    if before.kind != after.kind {
        breaks.push(SchemaBreak::KindChanged { method: method(), now: after.kind });
    }
    for old in &before.params {
        let (method, param) = (method(), old.name.clone());
        match find(&after.params, &old.name) {
            None => breaks.push(SchemaBreak::ParamRemoved { method, param }),
            Some(new) if takes(&new.ty, &old.ty) => {}
            Some(_) => breaks.push(SchemaBreak::ParamChanged { method, param }),
        }
    }
    for new in &after.params {
        if find(&before.params, &new.name).is_none() && !matches!(new.ty, Type::Option(_)) {
            let (method, param) = (method(), new.name.clone());
            breaks.push(SchemaBreak::ParamAdded { method, param });
        }
    }
    if before.returns != after.returns {
        breaks.push(SchemaBreak::ReturnsChanged { method: method() });
    }
}

fn find<'a>(params: &'a [Param], name: &str) -> Option<&'a Param> {
    params.iter().find(|param| param.name == name)
}

/// Whether a parameter of one type takes all values of another.
fn takes(new: &Type, old: &Type) -> bool {
    new == old || matches!(new, Type::Option(inner) if **inner == *old)
}

impl fmt::Display for SchemaBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MethodRemoved { method } => write!(f, "there is no method `{method}` any more"),
            Self::KindChanged { method, now } => {
                let now = match now {
                    MethodKind::Init => "an initialiser",
                    MethodKind::View => "a view",
                    MethodKind::Message => "a message",
                };
                write!(f, "`{method}` is {now} now")
            }
            Self::ParamRemoved { method, param } => {
                write!(f, "`{method}` has no parameter `{param}` any more")
            }
            Self::ParamAdded { method, param } => {
                write!(f, "`{method}` wants a new parameter `{param}`")
            }
            Self::ParamChanged { method, param } => {
                write!(f, "the parameter `{param}` of `{method}` has another type")
            }
            Self::ReturnsChanged { method } => write!(f, "`{method}` replies with another type"),
            Self::StateVersionLower { old, new } => {
                write!(f, "the state has version {old}, and the module knows only up to {new}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
