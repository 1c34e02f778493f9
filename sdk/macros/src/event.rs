//! `#[derive(Event)]`: an event with a name, for the schema.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::{described, docs, method::refuse, parts::Parts, spelling::Spelling, word};

/// What is added beside the definition.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    const FORM: &str = "an event is a struct whose fields have names, or that has none";
    described::check_plain(input)?;
    let Data::Struct(data) = &input.data else { return Err(refuse(&input.ident, FORM)) };
    let name = &input.ident;
    let called = word::of(&input.attrs, "event", name)?;
    let spelling = Spelling::read(&input.attrs)?;
    let mut parts = Parts::default();
    parts.array(3);
    parts.item(&called);
    match &data.fields {
        Fields::Unit => parts.array(0),
        Fields::Named(fields) if !spelling.transparent => {
            described::write_fields(name, fields, &spelling, &mut parts)?;
        }
        _ => return Err(refuse(name, FORM)),
    }
    parts.item(&docs::text(&input.attrs));
    let event = parts.joined();
    Ok(quote! {
        impl ::antiphon::Event for #name {
            const NAME: &'static str = #called;
            const EVENT: &'static [u8] = #event;
        }
    })
}
