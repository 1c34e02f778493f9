//! Rust types as schema types, by their spelling and, where that says too little, by what they
//! themselves say once the crate is compiled.

use proc_macro2::Literal;
use protocol::{AccountId, EntryId, ModuleId, ProcessId, UnitId, schema};
use quote::{ToTokens, quote};
use syn::{GenericArgument, Ident, PathArguments, PathSegment, Type};

use crate::parts::Parts;

/// The number of [`schema::Type::Option`] in an encoding.
const OPTION: u8 = 6;
/// That of [`schema::Type::List`].
const LIST: u8 = 7;
/// That of [`schema::Type::Map`].
const MAP: u8 = 8;
/// That of [`schema::Type::Tuple`].
const TUPLE: u8 = 13;

/// Appends the schema type of a value of this Rust type. One that is being described itself has its
/// name in place of its shape, which would have no end.
pub(crate) fn write(ty: &Type, described: Option<&Ident>, parts: &mut Parts) {
    match ty {
        Type::Paren(inner) => write(&inner.elem, described, parts),
        Type::Group(inner) => write(&inner.elem, described, parts),
        Type::Tuple(tuple) if tuple.elems.is_empty() => parts.item(&schema::Type::Null),
        Type::Tuple(tuple) => write_tuple(tuple.elems.iter(), described, parts),
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if path.qself.is_none() => write_named(ty, last, described, parts),
            _ => write_other(ty, parts),
        },
        _ => parts.item(&named(ty)),
    }
}

/// Appends the type of an array of values of these types.
pub(crate) fn write_tuple<'a>(
    types: impl ExactSizeIterator<Item = &'a Type>,
    described: Option<&Ident>,
    parts: &mut Parts,
) {
    parts.array(2);
    parts.item(&TUPLE);
    parts.array(types.len());
    types.for_each(|ty| write(ty, described, parts));
}

/// Whether a value of this type may be left out where it is a field or a parameter.
pub(crate) fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

fn write_named(ty: &Type, last: &PathSegment, described: Option<&Ident>, parts: &mut Parts) {
    if let Some(scalar) = scalar(&last.ident.to_string()) {
        return parts.item(&scalar);
    }
    let (kind, inner) = match (last.ident.to_string().as_str(), &*arguments(last)) {
        ("Option", [inner]) => (Some(OPTION), vec![*inner]),
        ("Vec" | "VecDeque" | "BTreeSet" | "HashSet", [item, ..]) => (Some(LIST), vec![*item]),
        ("BTreeMap" | "HashMap", [key, value, ..]) => (Some(MAP), vec![*key, *value]),
        ("Box", [inner]) => (None, vec![*inner]),
        (name, _) if described.is_some_and(|own| name == "Self" || own == name) => {
            let name = described.map(ToString::to_string).unwrap_or_default();
            return parts.item(&schema::Type::Named(name));
        }
        _ => return write_other(ty, parts),
    };
    if let Some(kind) = kind {
        parts.array(1 + inner.len());
        parts.item(&kind);
    }
    inner.iter().for_each(|ty| write(ty, described, parts));
}

fn scalar(name: &str) -> Option<schema::Type> {
    let integer = |bits, signed| schema::Type::Integer { bits, signed };
    let id = |prefix: &str| schema::Type::Id(prefix.to_owned());
    Some(match name {
        "bool" => schema::Type::Bool,
        "u8" => integer(8, false),
        "u16" => integer(16, false),
        // Wasm's addresses have 32 bits.
        "u32" | "usize" => integer(32, false),
        "u64" | "u128" | "Slot" | "Timestamp" | "Gas" => integer(64, false),
        "i8" => integer(8, true),
        "i16" => integer(16, true),
        "i32" | "isize" => integer(32, true),
        "i64" | "i128" => integer(64, true),
        "f32" | "f64" => schema::Type::Float,
        "String" | "char" => schema::Type::Text,
        "ByteBuf" => schema::Type::Bytes,
        "ProcessId" | "ActorRef" => id(ProcessId::PREFIX),
        "AccountId" => id(AccountId::PREFIX),
        "EntryId" => id(EntryId::PREFIX),
        "ModuleId" => id(ModuleId::PREFIX),
        "UnitId" => id(UnitId::PREFIX),
        _ => return None,
    })
}

/// Appends what a type of the author's says of itself, or its spelling if it says nothing.
fn write_other(ty: &Type, parts: &mut Parts) {
    let spelling = minicbor::to_vec(named(ty)).expect("encoding into memory cannot fail");
    let spelling = Literal::byte_string(&spelling);
    parts.code(quote! {
        ::antiphon::expansion::described(::antiphon::expansion::Probe::<#ty>::TYPE, #spelling)
    });
}

fn arguments(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// The type by its spelling alone.
pub(crate) fn named(ty: &Type) -> schema::Type {
    let spelling = ty.to_token_stream().to_string();
    schema::Type::Named(spelling.replace(' ', "").replace(',', ", "))
}

#[cfg(test)]
mod tests;
