//! The encoded schema of an actor.

use proc_macro2::TokenStream;
use protocol::{
    abi,
    schema::{ErrorCode, MethodKind, Type},
};
use quote::{ToTokens, quote};

use crate::{
    docs,
    method::{Method, unraw, without_self},
    methods::Interface,
    parts::Parts,
    shape,
};

/// An expression of the encoded schema, of the type `&'static [u8]`.
pub(crate) fn encoded(interface: &Interface) -> TokenStream {
    let actor = interface.actor.to_token_stream();
    let events = quote! { <#actor as ::antiphon::Definition>::EVENTS };
    let mut parts = Parts::default();
    parts.code(quote! { ::antiphon::expansion::array_head_with(5, #events.0) });
    parts.item(&abi::ABI_VERSION);
    parts.item(&interface.name().to_string());
    parts.code(quote! { <#actor as ::antiphon::Definition>::DESCRIPTION });
    parts.array(1 + interface.methods.len());
    for method in [&interface.init].into_iter().chain(&interface.methods) {
        write_method(method, &actor, &mut parts);
    }
    parts.code(quote! { ::antiphon::expansion::list_head(#events.0) });
    parts.code(quote! { #events.1 });
    parts.joined()
}

fn write_method(method: &Method, actor: &TokenStream, parts: &mut Parts) {
    let guard = method.guard.as_ref().map(|guard| guard.error());
    let own = match &method.error {
        Some(error) => {
            let error = without_self(error.to_token_stream(), actor);
            quote! { ::antiphon::expansion::Probe::<#error>::ERRORS }
        }
        None => quote! { (0, b"") },
    };
    let guards = usize::from(guard.is_some());
    let count = quote! { (#guards + #own.0) };
    match (&method.error, &guard) {
        (None, None) => parts.array(5),
        _ => parts.code(quote! { ::antiphon::expansion::array_head_with(5, #count) }),
    }
    parts.item(&method.name());
    parts.item(&method.kind);
    parts.array(method.arguments().count());
    for (ident, ty) in method.arguments() {
        parts.array(2);
        parts.item(&unraw(ident));
        write_type(ty, actor, parts);
    }
    match method.kind {
        MethodKind::Init => parts.item(&Type::Null),
        _ => write_type(&method.returns, actor, parts),
    }
    parts.item(&docs::text(&method.docs));
    if method.error.is_some() || guard.is_some() {
        parts.code(quote! { ::antiphon::expansion::list_head(#count) });
    }
    guard.iter().for_each(|error: &ErrorCode| parts.item(error));
    if method.error.is_some() {
        parts.code(quote! { #own.1 });
    }
}

/// Appends a type as the impl block spells it, where `Self` is the actor.
fn write_type(ty: &syn::Type, actor: &TokenStream, parts: &mut Parts) {
    let outside = syn::parse2(without_self(ty.to_token_stream(), actor));
    shape::write(outside.as_ref().unwrap_or(ty), None, parts);
}
