//! What a module says of itself, for programs.

use protocol::schema::{ErrorCode, Event, Field, Method, MethodKind, Param, Schema, Type, Variant};
use serde_json::{Value as Json, json};

/// The interface of an actor.
pub(crate) fn schema(schema: &Schema) -> Json {
    json!({
        "name": schema.name, "docs": schema.docs, "state_version": schema.state_version,
        "methods": schema.methods.iter().map(method).collect::<Vec<_>>(),
        "events": schema.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn method(method: &Method) -> Json {
    let kind = match method.kind {
        MethodKind::Init => "init",
        MethodKind::View => "view",
        MethodKind::Message => "message",
    };
    let param = |param: &Param| json!({ "name": param.name, "type": ty(&param.ty) });
    let error = |error: &ErrorCode| json!({ "code": error.code, "docs": error.docs });
    json!({
        "name": method.name, "kind": kind, "docs": method.docs, "returns": ty(&method.returns),
        "params": method.params.iter().map(param).collect::<Vec<_>>(),
        "errors": method.errors.iter().map(error).collect::<Vec<_>>(),
    })
}

fn event(event: &Event) -> Json {
    json!({ "name": event.name, "docs": event.docs, "fields": fields(&event.fields) })
}

fn fields(fields: &[Field]) -> Vec<Json> {
    let field = |field: &Field| json!({ "name": field.name, "type": ty(&field.ty), "optional": field.optional });
    fields.iter().map(field).collect()
}

/// A type: what kind it is, and whatever else makes it that type.
fn ty(of: &Type) -> Json {
    match of {
        Type::Null => json!({ "kind": "null" }),
        Type::Bool => json!({ "kind": "bool" }),
        Type::Integer { bits, signed } => {
            json!({ "kind": "integer", "bits": bits, "signed": signed })
        }
        Type::Float => json!({ "kind": "float" }),
        Type::Text => json!({ "kind": "text" }),
        Type::Bytes => json!({ "kind": "bytes" }),
        Type::Option(inner) => json!({ "kind": "option", "item": ty(inner) }),
        Type::List(item) => json!({ "kind": "list", "item": ty(item) }),
        Type::Map(key, item) => json!({ "kind": "map", "key": ty(key), "item": ty(item) }),
        Type::Id(prefix) => json!({ "kind": "id", "prefix": prefix }),
        Type::Named(name) => json!({ "kind": "named", "name": name }),
        Type::Record { name, fields: of } => {
            json!({ "kind": "record", "name": name, "fields": fields(of) })
        }
        Type::Choice { name, variants } => {
            let variant = |variant: &Variant| json!({ "name": variant.name, "content": variant.content.as_ref().map(ty) });
            let variants: Vec<_> = variants.iter().map(variant).collect();
            json!({ "kind": "choice", "name": name, "variants": variants })
        }
        Type::Tuple(items) => {
            json!({ "kind": "tuple", "items": items.iter().map(ty).collect::<Vec<_>>() })
        }
    }
}
