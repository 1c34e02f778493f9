//! Reads types by hand: a derived decoder would let a guest choose how much stack it takes.

use minicbor::{Decode, Decoder, decode::Error};

use super::{Field, Type, Variant};

impl<'b, C> Decode<'b, C> for Type {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        read(d, Self::DEPTH_MAX)
    }
}

/// Reads a type nested at most `depth` deep.
fn read(d: &mut Decoder<'_>, depth: u32) -> Result<Type, Error> {
    let depth = depth.checked_sub(1).ok_or_else(|| refuse(d, "types nest too deep"))?;
    let length = length(d)?;
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
        (11, 3) => Type::Record { name: d.str()?.to_owned(), fields: list(d, depth, field)? },
        (12, 3) => Type::Choice { name: d.str()?.to_owned(), variants: list(d, depth, variant)? },
        (13, 2) => Type::Tuple(list(d, depth, read)?),
        _ => return Err(refuse(d, "not a known type")),
    })
}

fn field(d: &mut Decoder<'_>, depth: u32) -> Result<Field, Error> {
    match length(d)? {
        3 => Ok(Field { name: d.str()?.to_owned(), ty: read(d, depth)?, optional: d.bool()? }),
        _ => Err(refuse(d, "a field has a name, a type and whether it is optional")),
    }
}

fn variant(d: &mut Decoder<'_>, depth: u32) -> Result<Variant, Error> {
    let length = length(d)?;
    let name = d.str()?.to_owned();
    match length {
        1 => Ok(Variant { name, content: None }),
        2 => Ok(Variant { name, content: Some(read(d, depth)?) }),
        _ => Err(refuse(d, "a variant has a name and at most one type")),
    }
}

/// Reads a list. Memory is taken as items come: the length is the guest's word.
fn list<T>(
    d: &mut Decoder<'_>,
    depth: u32,
    item: fn(&mut Decoder<'_>, u32) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    for _ in 0..length(d)? {
        items.push(item(d, depth)?);
    }
    Ok(items)
}

fn length(d: &mut Decoder<'_>) -> Result<u64, Error> {
    d.array()?.ok_or_else(|| refuse(d, "a type of indefinite length"))
}

fn refuse(d: &Decoder<'_>, why: &str) -> Error {
    Error::message(why.to_owned()).at(d.position())
}
