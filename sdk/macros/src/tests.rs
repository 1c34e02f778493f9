//! What the macros write, pinned: `snapshots/actor.rs` is what an author writes,
//! `snapshots/actor.expanded.rs` what becomes of it. `UPDATE_EXPANSION=1` writes the latter anew, to
//! be read before it is kept.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, DeriveInput, Item, Meta, parse_quote, punctuated::Punctuated, token};

use super::*;

/// The item without its attributes of ours, and what they add to it.
fn expanded(mut item: Item) -> TokenStream {
    let (Item::Struct(syn::ItemStruct { attrs, .. })
    | Item::Enum(syn::ItemEnum { attrs, .. })
    | Item::Impl(syn::ItemImpl { attrs, .. })) = &mut item
    else {
        return item.into_token_stream();
    };
    let is_actor = |attribute: &Attribute| attribute.path().is_ident("actor");
    let actor = attrs.extract_if(.., |attribute| is_actor(attribute)).next();
    let derives: Vec<TokenStream> = attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .flat_map(|derive| {
            derive.parse_args_with(Punctuated::<Meta, token::Comma>::parse_terminated).unwrap()
        })
        .map(|derive| derive.to_token_stream())
        .collect();
    let input: Option<DeriveInput> = syn::parse2(item.to_token_stream()).ok();
    let mut added = TokenStream::new();
    for derive in derives {
        let input = input.as_ref().expect("what has a derive is a type");
        added.extend(match derive.to_string().as_str() {
            "ActorError" => error::expand(input).unwrap(),
            "Event" => event::expand(input).unwrap(),
            "Described" => described::expand(input).unwrap(),
            _ => continue,
        });
    }
    let item = match actor.map(|actor| actor.meta) {
        Some(Meta::List(list)) => expand_actor(list.tokens, item).unwrap(),
        Some(_) => expand_actor(TokenStream::new(), item).unwrap(),
        None => item.into_token_stream(),
    };
    quote! { #item #added }
}

#[test]
fn the_expansion_is_as_pinned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let source = fs::read_to_string(folder.join("actor.rs")).unwrap();
    let items = syn::parse_file(&source).unwrap().items.into_iter().map(expanded);
    let about: Attribute = parse_quote!(#![doc = " What the macros make of `actor.rs`."]);
    let file = syn::parse2(quote! { #about #(#items)* }).unwrap();
    let found = prettyplease::unparse(&file);
    let path = folder.join("actor.expanded.rs");
    if env::var_os("UPDATE_EXPANSION").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let pinned = fs::read_to_string(&path).unwrap_or_default();
    let line = pinned.lines().zip(found.lines()).position(|(pinned, found)| pinned != found);
    assert!(
        pinned == found,
        "the expansion differs from line {} of {}: read what UPDATE_EXPANSION=1 writes",
        line.map_or(0, |line| line + 1),
        path.display()
    );
}
