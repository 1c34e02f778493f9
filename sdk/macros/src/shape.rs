//! Rust types as schema types, by their spelling: a macro sees no more.

use protocol::{AccountId, EntryId, ModuleId, ProcessId, UnitId, schema};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// The schema type of a value of this Rust type.
pub(crate) fn of(ty: &Type) -> schema::Type {
    match ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => schema::Type::Null,
        Type::Paren(inner) => of(&inner.elem),
        Type::Group(inner) => of(&inner.elem),
        Type::Path(path) => path.path.segments.last().and_then(named).unwrap_or_else(|| other(ty)),
        _ => other(ty),
    }
}

fn named(segment: &PathSegment) -> Option<schema::Type> {
    let arguments = arguments(segment);
    let argument = |at: usize| arguments.get(at).map(|ty| Box::new(of(ty)));
    let integer = |bits, signed| schema::Type::Integer { bits, signed };
    let id = |prefix: &str| schema::Type::Id(prefix.to_owned());
    Some(match segment.ident.to_string().as_str() {
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
        "Option" => schema::Type::Option(argument(0)?),
        "Box" => *argument(0)?,
        "Vec" | "VecDeque" | "BTreeSet" | "HashSet" => schema::Type::List(argument(0)?),
        "BTreeMap" | "HashMap" => schema::Type::Map(argument(0)?, argument(1)?),
        "ProcessId" | "ActorRef" => id(ProcessId::PREFIX),
        "AccountId" => id(AccountId::PREFIX),
        "EntryId" => id(EntryId::PREFIX),
        "ModuleId" => id(ModuleId::PREFIX),
        "UnitId" => id(UnitId::PREFIX),
        _ => return None,
    })
}

fn arguments(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

fn other(ty: &Type) -> schema::Type {
    let spelling = ty.to_token_stream().to_string();
    schema::Type::Named(spelling.replace(' ', "").replace(',', ", "))
}

#[cfg(test)]
mod tests;
