//! `#[actor]`: turns a struct and its impl block into an Antiphon actor. Documented in `antiphon`.
//!
//! # Invariants
//!
//! - The author's code stays as written, without `#[init]`; everything else is added beside it.
//! - Exports and the schema section exist only on wasm32 and without the feature `stub` of the
//!   crate that uses the macro, so two actor crates can be linked together.

#![deny(missing_docs)]

mod borrow;
mod definition;
mod described;
mod docs;
mod error;
mod event;
mod expand;
mod guard;
mod input;
mod method;
mod methods;
mod parts;
mod schema;
mod shape;
mod spelling;
mod stub;
mod upgrade;
mod word;

use proc_macro::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Item, parse_macro_input};

/// Makes an actor of a type: on its definition, then on the impl block with its methods.
///
/// On the definition, `#[actor(version = 2)]` sets the version of the state (1 if not given), and
/// `#[actor(events(Moved, Closed))]` lists events in the schema.
#[proc_macro_attribute]
pub fn actor(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finished(expand_actor(arguments.into(), parse_macro_input!(item as Item)))
}

/// Makes an error of an enum, with a code for each variant: its name in kebab case, or what
/// `#[code("..")]` says. Documented in `antiphon`.
#[proc_macro_derive(ActorError, attributes(code))]
pub fn actor_error(input: TokenStream) -> TokenStream {
    finished(error::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Makes an event of a struct: its name in kebab case, or what `#[event("..")]` says. Documented in
/// `antiphon`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    finished(event::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Gives a type a shape in the schema. Documented in `antiphon`.
#[proc_macro_derive(Described)]
pub fn described(input: TokenStream) -> TokenStream {
    finished(described::expand(&parse_macro_input!(input as DeriveInput)))
}

/// An item with what is added beside it.
fn expand_actor(
    arguments: proc_macro2::TokenStream,
    item: Item,
) -> syn::Result<proc_macro2::TokenStream> {
    let (item, added) = match item {
        Item::Struct(item) => {
            let added = definition::expand(arguments, &item.attrs, &item.ident, &item.generics)?;
            (item.into_token_stream(), added)
        }
        Item::Enum(item) => {
            let added = definition::expand(arguments, &item.attrs, &item.ident, &item.generics)?;
            (item.into_token_stream(), added)
        }
        Item::Impl(item) => {
            let actor = methods::actor(&item.self_ty);
            match (methods::parse(&arguments, item), actor) {
                (Ok((item, interface)), _) => {
                    (item.into_token_stream(), expand::expand(&interface))
                }
                // The one error is enough: without a stub, whoever refers to the actor has more.
                (Err(error), Ok((path, _))) => {
                    (error.into_compile_error(), stub::expand(&path, &[]))
                }
                (Err(error), Err(_)) => return Err(error),
            }
        }
        other => {
            return Err(syn::Error::new_spanned(
                other,
                "`#[actor]` goes on a struct or an enum, and on its impl block",
            ));
        }
    };
    Ok(quote! { #item #added })
}

fn finished(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

#[cfg(test)]
mod tests;
