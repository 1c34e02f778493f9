//! What a module says of itself, in its custom section `antiphon.schema`.
//!
//! A schema informs tools (prompts, forms, JSON conversion). Nothing that decides an outcome reads
//! it, so a wrong one misleads only people.

mod compat;

use minicbor::{Decode, Decoder, Encode, decode};

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

impl<'b, C> Decode<'b, C> for Type {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        read(d, Self::DEPTH_MAX)
    }
}

/// Reads a type nested at most `depth` deep: a derived decoder would let a guest choose how much
/// stack it takes.
fn read(d: &mut Decoder<'_>, depth: u32) -> Result<Type, decode::Error> {
    let position = d.position();
    let refuse = |detail: &str| decode::Error::message(detail.to_owned()).at(position);
    let depth = depth.checked_sub(1).ok_or_else(|| refuse("types nest too deep"))?;
    let length = d.array()?.ok_or_else(|| refuse("a type of indefinite length"))?;
    Ok(match (d.u8()?, length) {
        (0, 1) => Type::Null,
        (1, 1) => Type::Bool,
        (2, 3) => Type::Integer { bits: d.u8()?, signed: d.bool()? },
        (3, 1) => Type::Float,
        (4, 1) => Type::Text,
        (5, 1) => Type::Bytes,
        (6, 2) => Type::Option(Box::new(read(d, depth)?)),
        (7, 2) => Type::List(Box::new(read(d, depth)?)),
        (8, 3) => Type::Map(Box::new(read(d, depth)?), Box::new(read(d, depth)?)),
        (9, 2) => Type::Id(d.str()?.to_owned()),
        (10, 2) => Type::Named(d.str()?.to_owned()),
        _ => return Err(refuse("not a known type")),
    })
}

#[cfg(test)]
mod tests;
