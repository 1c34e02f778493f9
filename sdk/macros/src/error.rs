//! `#[derive(ActorError)]`: an error with a code for each of its variants.

use proc_macro2::TokenStream;
use protocol::schema::ErrorCode;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Ident};

use crate::{described, docs, method::refuse, parts::Parts, spelling, word};

/// What is added beside the definition.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    described::check_plain(input)?;
    let cases = cases(input)?;
    let mut listed = Parts::default();
    cases.iter().for_each(|(_, case)| listed.item(case));
    let (count, listed) = (cases.len(), listed.joined());
    let name = &input.ident;
    let arms = cases.iter().map(|(variant, case)| {
        let code = &case.code;
        quote! { Self::#variant { .. } => #code, }
    });
    let details = cases.iter().map(|(variant, case)| {
        let words = case.code.replace('-', " ");
        let docs = if case.docs.is_empty() { &words } else { &case.docs };
        quote! { #name::#variant { .. } => #docs, }
    });
    let constants = constants(input, &cases);
    Ok(quote! {
        impl ::antiphon::ActorError for #name {
            const CODES: (usize, &'static [u8]) = (#count, #listed);

            fn code(&self) -> &'static str {
                match *self { #(#arms)* }
            }
        }

        impl ::core::convert::From<#name> for ::antiphon::Error {
            fn from(error: #name) -> Self {
                #[allow(unused_imports, reason = "an error that is displayed has no use for it")]
                use ::antiphon::expansion::Undisplayed as _;

                let docs = match error { #(#details)* };
                let detail = ::antiphon::expansion::Shown(&error).detail(docs);
                ::antiphon::Error::new(::antiphon::ActorError::code(&error), detail)
            }
        }

        #constants
    })
}

/// The variants with their codes.
fn cases(input: &DeriveInput) -> syn::Result<Vec<(&Ident, ErrorCode)>> {
    let Data::Enum(data) = &input.data else {
        let why = "an error that callers tell apart is an enum: each variant has a code";
        return Err(refuse(&input.ident, why));
    };
    let mut cases: Vec<(&Ident, ErrorCode)> = Vec::new();
    for variant in &data.variants {
        let code = word::of(&variant.attrs, "code", &variant.ident)?;
        if cases.iter().any(|(_, case)| case.code == code) {
            let why =
                format!("two variants have the code `{code}`: callers cannot tell them apart");
            return Err(refuse(variant, why));
        }
        cases.push((&variant.ident, ErrorCode { code, docs: docs::text(&variant.attrs) }));
    }
    Ok(cases)
}

/// The codes as constants, for callers to compare with. A variant in capitals has none: constant
/// and variant would have one name.
fn constants(input: &DeriveInput, cases: &[(&Ident, ErrorCode)]) -> TokenStream {
    let (name, visibility) = (&input.ident, &input.vis);
    let constants = cases.iter().filter_map(|(variant, case)| {
        let constant =
            format_ident!("{}", spelling::snake(&variant.to_string()).to_ascii_uppercase());
        let about = format!("The code of [`Self::{variant}`].");
        let code = &case.code;
        (constant != **variant).then(|| {
            quote! {
                #[doc = #about]
                #visibility const #constant: &'static str = #code;
            }
        })
    });
    quote! {
        #[allow(dead_code, reason = "callers compare with some of them")]
        impl #name {
            #(#constants)*
        }
    }
}
