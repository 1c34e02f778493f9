//! The methods of a remote actor, each giving a call.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Ident, Path, spanned::Spanned};

use crate::method::{Method, unraw, without_self};

/// The stub of an actor. It stands beside the impl block and not beside the type, so that the
/// compiler names the attribute that is missing where there is no definition.
pub(crate) fn expand(path: &Path, methods: &[Method]) -> TokenStream {
    let Some(name) = path.segments.last().map(|last| &last.ident) else {
        return TokenStream::new();
    };
    let stub = format_ident!("{name}Stub");
    let actor = path.to_token_stream();
    let about = format!("The messages and views of a [`{name}`] as calls; an `ActorRef` has them.");
    let calls = methods.iter().map(|method| {
        let (ident, name) = (&method.ident, method.name());
        let docs = if method.docs.is_empty() {
            let docs = format!("Calls `{name}`.");
            quote! { #[doc = #docs] }
        } else {
            let docs = &method.docs;
            quote! { #(#docs)* }
        };
        let idents: Vec<&Ident> = method.arguments().map(|(ident, _)| ident).collect();
        let arguments = method.arguments().map(|(ident, ty)| {
            let name = unraw(ident);
            // What is wrong with the type is said where it stands.
            let place = ty.span().resolved_at(Span::call_site());
            quote_spanned! { place => .with(#name, &#ident) }
        });
        let types = method.arguments().map(|(_, ty)| without_self(ty.to_token_stream(), &actor));
        let returns = without_self(method.returns.to_token_stream(), &actor);
        quote! {
            #docs
            pub fn #ident(&self, #(#idents: #types),*) -> __Via::Call<#returns> {
                let __args = ::antiphon::Args::new() #(#arguments)*;
                ::antiphon::Via::call(::antiphon::Stub::via(self), #name, __args)
            }
        }
    });
    quote! {
        #[doc = #about]
        #[derive(Debug, Clone, Copy)]
        #[allow(unreachable_pub, reason = "the actor's own visibility stands at its definition")]
        pub struct #stub<V = ::antiphon::ProcessId>(V);

        impl<V: ::antiphon::Via> ::antiphon::Stub<V> for #stub<V> {
            fn new(via: V) -> Self {
                Self(via)
            }

            fn via(&self) -> &V {
                &self.0
            }
        }

        impl ::antiphon::Addressable for #path {
            type Stub = #stub;
            type StubVia<V: ::antiphon::Via> = #stub<V>;
        }

        #[allow(
            dead_code,
            private_interfaces,
            clippy::needless_pass_by_value,
            clippy::large_types_passed_by_value,
            clippy::trivially_copy_pass_by_ref,
            reason = "a stub has every method, with the parameters of the actor's own"
        )]
        impl<__Via: ::antiphon::Via> #stub<__Via> {
            #(#calls)*
        }
    }
}
