//! What a module says of itself, in its custom section `antiphon.schema`.
//!
//! A schema informs tools (prompts, forms, JSON conversion). Nothing that decides an outcome reads
//! it, so a wrong one misleads only people.

mod compat;
mod read;

use minicbor::{Decode, Encode};

pub use compat::{SchemaBreak, breaking_changes};

/// The interface of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Schema {
    /// The guest contract the module was built for, [`crate::abi::ABI_VERSION`].
    #[n(0)]
    pub abi: u32,
    /// The name of the actor's type.
    #[n(1)]
    pub name: String,
    /// Its documentation.
    #[n(2)]
    pub docs: String,
    /// The version of the state type, for upgrades.
    #[n(3)]
    pub state_version: u32,
    /// Its methods, the initialiser among them.
    #[n(4)]
    pub methods: Vec<Method>,
    /// The events it says that it emits. Absent if there are none.
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// A method of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Method {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// How it is called.
    #[n(1)]
    pub kind: MethodKind,
    /// Its parameters, in order of declaration.
    #[n(2)]
    pub params: Vec<Param>,
    /// What it replies.
    #[n(3)]
    pub returns: Type,
    /// Its documentation.
    #[n(4)]
    pub docs: String,
    /// The errors of its own that its error type lists; it may answer with others. Absent if there
    /// are none.
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    pub errors: Vec<ErrorCode>,
}

/// An error that a method answers with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ErrorCode {
    /// Its code, a kebab-case word.
    #[n(0)]
    pub code: String,
    /// Its documentation.
    #[n(1)]
    pub docs: String,
}

/// An event that an actor emits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// The fields of its data.
    #[n(1)]
    pub fields: Vec<Field>,
    /// Its documentation.
    #[n(2)]
    pub docs: String,
}

/// A field of a structure or an event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Field {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its type.
    #[n(1)]
    pub ty: Type,
    /// Whether it may be left out.
    #[n(2)]
    pub optional: bool,
}

/// One of the forms of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct Variant {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// What stands beside the name. A variant with nothing there is its name as text, any other a
    /// map with the name as its one key.
    #[n(1)]
    pub content: Option<Type>,
}

/// How a method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MethodKind {
    /// Once, by the spawn.
    #[n(0)]
    Init,
    /// On committed state, without effects.
    #[n(1)]
    View,
    /// By a log entry.
    #[n(2)]
    Message,
}

/// A parameter of a method.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Param {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its type.
    #[n(1)]
    pub ty: Type,
}

/// The shape of a value. Nests at most [`Type::DEPTH_MAX`] deep.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
#[cbor(flat)]
pub enum Type {
    /// Nothing: CBOR null.
    #[n(0)]
    Null,
    /// A truth value.
    #[n(1)]
    Bool,
    /// An integer.
    #[n(2)]
    Integer {
        /// How many bits it has.
        #[n(0)]
        bits: u8,
        /// Whether it can be negative.
        #[n(1)]
        signed: bool,
    },
    /// A floating-point number.
    #[n(3)]
    Float,
    /// Text.
    #[n(4)]
    Text,
    /// A byte string.
    #[n(5)]
    Bytes,
    /// A value or null.
    #[n(6)]
    Option(#[n(0)] Box<Self>),
    /// An array of one type.
    #[n(7)]
    List(#[n(0)] Box<Self>),
    /// A map.
    #[n(8)]
    Map(#[n(0)] Box<Self>, #[n(1)] Box<Self>),
    /// An identifier, as text; the prefix tells the kind.
    #[n(9)]
    Id(#[n(0)] String),
    /// A type of the author's, by its Rust spelling; any value.
    #[n(10)]
    Named(#[n(0)] String),
    /// A structure of the author's: a map from the names of its fields.
    #[n(11)]
    Record {
        /// Its name.
        #[n(0)]
        name: String,
        /// Its fields, in order of declaration.
        #[n(1)]
        fields: Vec<Field>,
    },
    /// An enumeration of the author's: exactly one of its variants.
    #[n(12)]
    Choice {
        /// Its name.
        #[n(0)]
        name: String,
        /// Its variants, in order of declaration.
        #[n(1)]
        variants: Vec<Variant>,
    },
    /// An array of so many values, each of its own type.
    #[n(13)]
    Tuple(#[n(0)] Vec<Self>),
}

impl Schema {
    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

impl Type {
    /// How deep types may nest.
    pub const DEPTH_MAX: u32 = crate::Value::DEPTH_MAX;
}

#[cfg(test)]
mod tests;
