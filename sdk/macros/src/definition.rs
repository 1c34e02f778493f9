//! `#[actor]` on the definition of a type: its stub, and what the schema says of the type itself.

use minicbor::Encoder;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Generics, LitInt, Visibility, parse::Parser};

use crate::docs;

/// What is added beside the definition.
pub(crate) fn expand(
    arguments: TokenStream,
    attributes: &[Attribute],
    visibility: &Visibility,
    actor: &Ident,
    generics: &Generics,
) -> syn::Result<TokenStream> {
    if !generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            generics,
            "an actor has no generic parameters: one module holds one actor type",
        ));
    }
    let version = version(arguments)?;
    let description = Literal::byte_string(&description(&docs::text(attributes), version));
    let stub = format_ident!("{actor}Stub");
    let about =
        format!("The messages and views of a [`{actor}`] as calls; an `ActorRef` has them.");
    Ok(quote! {
        #[doc = #about]
        #[derive(Debug, Clone, Copy)]
        #visibility struct #stub<V = ::antiphon::ProcessId>(V);

        impl<V: ::antiphon::Via> ::antiphon::Stub<V> for #stub<V> {
            fn new(via: V) -> Self {
                Self(via)
            }

            fn via(&self) -> &V {
                &self.0
            }
        }

        impl ::antiphon::Addressable for #actor {
            type Stub = #stub;
            type StubVia<V: ::antiphon::Via> = #stub<V>;

            const STATE_VERSION: u32 = #version;
            const DESCRIPTION: &'static [u8] = #description;
        }
    })
}

fn version(arguments: TokenStream) -> syn::Result<u32> {
    let mut version = 1;
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("version") {
            return Err(meta.error("the one argument of `#[actor]` is `version = N`"));
        }
        version = meta.value()?.parse::<LitInt>()?.base10_parse()?;
        Ok(())
    });
    parser.parse2(arguments)?;
    Ok(version)
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
