//! How methods and types are written for people.

use protocol::schema::{Method, MethodKind, Param, Schema, Type};

/// A method with its parameters and their types: `add(by: u64)`.
pub(crate) fn signature(method: &Method) -> String {
    let params =
        method.params.iter().map(|Param { name, ty }| format!("{name}: {}", type_name(ty)));
    format!("{}({})", method.name, params.collect::<Vec<_>>().join(", "))
}

/// All methods that can be called, with their parameters.
pub(crate) fn methods(schema: &Schema) -> String {
    let callable = schema.methods.iter().filter(|method| method.kind != MethodKind::Init);
    callable.map(signature).collect::<Vec<_>>().join(", ")
}

/// How a type is written.
pub(crate) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Null => "null".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Integer { bits, signed } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        Type::Float => "float".to_owned(),
        Type::Text => "text".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::Option(inner) => format!("{}?", type_name(inner)),
        Type::List(item) => format!("[{}]", type_name(item)),
        Type::Map(key, value) => format!("{{{}: {}}}", type_name(key), type_name(value)),
        Type::Id(prefix) => format!("{prefix}1..."),
        Type::Named(name) | Type::Record { name, .. } | Type::Choice { name, .. } => name.clone(),
        Type::Tuple(items) => {
            format!("({})", items.iter().map(type_name).collect::<Vec<_>>().join(", "))
        }
    }
}

/// How arguments of a method are written, for whoever wrote none.
pub(crate) fn example(method: Option<&Method>) -> String {
    let named = method.map(|method| {
        let params =
            method.params.iter().map(|Param { name, ty }| format!("{name}={}", sample(ty)));
        params.collect::<Vec<_>>().join(" ")
    });
    named.filter(|named| !named.is_empty()).unwrap_or_else(|| "'{\"by\":3}'".to_owned())
}

/// A value of a type.
fn sample(ty: &Type) -> String {
    match ty {
        Type::Null => "null".to_owned(),
        Type::Bool => "true".to_owned(),
        Type::Integer { .. } => "3".to_owned(),
        Type::Float => "1.5".to_owned(),
        Type::Text => "word".to_owned(),
        Type::Bytes => "0x00ff".to_owned(),
        Type::Option(inner) => sample(inner),
        Type::List(_) | Type::Tuple(_) => "'[...]'".to_owned(),
        Type::Map(..) | Type::Record { .. } => "'{...}'".to_owned(),
        Type::Id(prefix) => format!("{prefix}1..."),
        Type::Choice { variants, .. } => match variants.first() {
            Some(variant) if variant.content.is_none() => variant.name.clone(),
            _ => "'{...}'".to_owned(),
        },
        Type::Named(_) => "...".to_owned(),
    }
}
