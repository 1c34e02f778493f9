//! `#[derive(Described)]`: the shape of a type, for the schema.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, FieldsNamed, FieldsUnnamed, Ident, Variant};

use crate::{method::refuse, parts::Parts, shape, spelling::Spelling};

/// The number of [`protocol::schema::Type::Record`] in an encoding.
const RECORD: u8 = 11;
/// That of [`protocol::schema::Type::Choice`].
const CHOICE: u8 = 12;

/// What is added beside the definition.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let name = &input.ident;
    check_plain(input)?;
    let spelling = Spelling::read(&input.attrs)?;
    let mut parts = Parts::default();
    match &input.data {
        Data::Struct(data) => write_struct(name, &data.fields, &spelling, &mut parts)?,
        Data::Enum(data) => {
            parts.array(3);
            parts.item(&CHOICE);
            parts.item(&name.to_string());
            write_variants(name, data.variants.iter(), &spelling, &mut parts)?;
        }
        Data::Union(data) => {
            return Err(refuse(data.union_token, "serde reads no unions: use an enum"));
        }
    }
    let shape = parts.joined();
    Ok(quote! {
        impl ::antiphon::Described for #name {
            const TYPE: &'static [u8] = #shape;
        }
    })
}

/// Refuses a type with parameters: each would be another shape.
pub(crate) fn check_plain(input: &DeriveInput) -> syn::Result<()> {
    if input.generics.params.is_empty() {
        return Ok(());
    }
    let why = "what stands in a schema has no generic parameters: write the types out";
    Err(refuse(&input.generics, why))
}

fn write_struct(
    name: &Ident,
    fields: &Fields,
    spelling: &Spelling,
    parts: &mut Parts,
) -> syn::Result<()> {
    match fields {
        Fields::Unit => parts.item(&protocol::schema::Type::Null),
        Fields::Unnamed(fields) => write_unnamed(name, fields, parts)?,
        Fields::Named(fields) if spelling.transparent => {
            let field = fields.named.iter().find_map(|field| {
                let told = Spelling::read(&field.attrs).ok()?;
                (!told.skip).then_some(field)
            });
            let field = field.ok_or_else(|| refuse(fields, "a transparent type has one field"))?;
            shape::write(&field.ty, Some(name), parts);
        }
        Fields::Named(fields) => {
            parts.array(3);
            parts.item(&RECORD);
            parts.item(&name.to_string());
            write_fields(name, fields, spelling, parts)?;
        }
    }
    Ok(())
}

/// Appends the list of some fields.
pub(crate) fn write_fields(
    name: &Ident,
    fields: &FieldsNamed,
    of: &Spelling,
    parts: &mut Parts,
) -> syn::Result<()> {
    let mut shapes = Vec::new();
    for field in &fields.named {
        let spelling = Spelling::read(&field.attrs)?;
        let Some(ident) = &field.ident else { continue };
        if spelling.skip {
            continue;
        }
        let mut shape = Parts::default();
        shape.array(3);
        shape.item(&spelling.field(ident, of));
        match spelling.with.as_deref() {
            None => shape::write(&field.ty, Some(name), &mut shape),
            Some("serde_bytes") => shape.item(&protocol::schema::Type::Bytes),
            Some(_) => shape.item(&shape::named(&field.ty)),
        }
        let absent = shape::is_option(&field.ty) && spelling.with.is_none();
        shape.item(&(absent || spelling.default || of.default));
        shapes.push(shape);
    }
    write_list(shapes, parts);
    Ok(())
}

/// Appends the list of some variants.
fn write_variants<'a>(
    name: &Ident,
    variants: impl Iterator<Item = &'a Variant>,
    of: &Spelling,
    parts: &mut Parts,
) -> syn::Result<()> {
    let mut shapes = Vec::new();
    for variant in variants {
        let spelling = Spelling::read(&variant.attrs)?;
        if spelling.skip {
            continue;
        }
        let called = spelling.variant(&variant.ident, of);
        let mut shape = Parts::default();
        shape.array(if matches!(variant.fields, Fields::Unit) { 1 } else { 2 });
        shape.item(&called);
        match &variant.fields {
            Fields::Unit => {}
            Fields::Unnamed(fields) => write_unnamed(name, fields, &mut shape)?,
            Fields::Named(fields) => {
                shape.array(3);
                shape.item(&RECORD);
                shape.item(&called);
                write_fields(name, fields, &spelling, &mut shape)?;
            }
        }
        shapes.push(shape);
    }
    write_list(shapes, parts);
    Ok(())
}

/// Appends the type of what has no names: one field is itself, more are an array.
fn write_unnamed(name: &Ident, fields: &FieldsUnnamed, parts: &mut Parts) -> syn::Result<()> {
    for field in &fields.unnamed {
        let spelling = Spelling::read(&field.attrs)?;
        if spelling.skip || spelling.with.is_some() {
            let why = "a field that serde treats apart has a name: write `{ name: .. }`";
            return Err(refuse(field, why));
        }
    }
    let types = fields.unnamed.iter().map(|field| &field.ty);
    match types.len() {
        1 => types.for_each(|ty| shape::write(ty, Some(name), parts)),
        _ => shape::write_tuple(types, Some(name), parts),
    }
    Ok(())
}

fn write_list(items: Vec<Parts>, parts: &mut Parts) {
    parts.array(items.len());
    items.into_iter().for_each(|item| parts.extend(item));
}
