//! `#[actor]` on the definition of a type: what the schema says of the type itself.

use minicbor::Encoder;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use syn::{Attribute, Generics, LitInt, Path, parse::Parser, punctuated::Punctuated, token};

use crate::{docs, parts::Parts};

/// What is added beside the definition.
pub(crate) fn expand(
    arguments: TokenStream,
    attributes: &[Attribute],
    actor: &Ident,
    generics: &Generics,
) -> syn::Result<TokenStream> {
    if !generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            generics,
            "an actor has no generic parameters: one module holds one actor type, so write the types out",
        ));
    }
    let Arguments { version, events } = Arguments::read(arguments)?;
    let description = Literal::byte_string(&description(&docs::text(attributes), version));
    let count = events.len();
    let mut listed = Parts::default();
    for event in events {
        listed.code(quote! { <#event as ::antiphon::Event>::EVENT });
    }
    let listed = listed.joined();
    Ok(quote! {
        impl ::antiphon::Definition for #actor {
            const STATE_VERSION: u32 = #version;
            const DESCRIPTION: &'static [u8] = #description;
            const EVENTS: (usize, &'static [u8]) = (#count, #listed);
        }
    })
}

/// What `#[actor]` is told of a type.
struct Arguments {
    version: u32,
    events: Vec<Path>,
}

impl Arguments {
    fn read(arguments: TokenStream) -> syn::Result<Self> {
        let mut read = Self { version: 1, events: Vec::new() };
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("version") {
                read.version = meta.value()?.parse::<LitInt>()?.base10_parse()?;
                return Ok(());
            }
            if meta.path.is_ident("events") && meta.input.peek(token::Paren) {
                let events;
                syn::parenthesized!(events in meta.input);
                let events = Punctuated::<Path, token::Comma>::parse_terminated(&events)?;
                read.events.extend(events);
                return Ok(());
            }
            Err(meta.error(
                "`#[actor]` can be told `version = N`, the version of the state, and `events(A, B)`,                  the events that are emitted",
            ))
        });
        parser.parse2(arguments)?;
        Ok(read)
    }
}

/// Fields 2 and 3 of the schema: documentation and version of the state.
fn description(docs: &str, version: u32) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder
        .str(docs)
        .and_then(|encoder| encoder.u32(version))
        .expect("encoding into memory cannot fail");
    encoder.into_writer()
}
