//! `#[only(..)]`: who may call a method.

use proc_macro2::TokenStream;
use protocol::schema::ErrorCode;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, ImplItemFn, Path, spanned::Spanned};

use crate::method::refuse;

/// The code that a refused call is answered with.
const NOT_PERMITTED: &str = "not-permitted";

/// Who may call a method.
pub(crate) enum Guard {
    /// The process's controller.
    Controller,
    /// The process itself, and so its timers.
    Own,
    /// Whom a function of the author's permits.
    Custom(Path),
}

impl Guard {
    /// Takes the attribute from a function, if it has one.
    pub(crate) fn take(function: &mut ImplItemFn) -> syn::Result<Option<Self>> {
        let is_guard = |attribute: &Attribute| attribute.path().is_ident("only");
        let mut guards = function.attrs.extract_if(.., |attribute| is_guard(attribute));
        let Some(attribute) = guards.next() else { return Ok(None) };
        if let Some(second) = guards.next() {
            let why = "one `#[only(..)]` is enough: let a function of yours check both";
            return Err(refuse(second, why));
        }
        let path: Path = attribute.parse_args().map_err(|_| {
            refuse(
                &attribute,
                "say who: `#[only(controller)]`, `#[only(own)]` for the process itself and its timers, \
                 or `#[only(Self::may)]` with `fn may(&self, cx: &ViewContext) -> bool`",
            )
        })?;
        Ok(Some(match path.get_ident().map(ToString::to_string).as_deref() {
            Some("controller") => Self::Controller,
            Some("own") => Self::Own,
            _ => Self::Custom(path),
        }))
    }

    /// A statement that returns unless the call is permitted.
    pub(crate) fn check(&self) -> TokenStream {
        match self {
            Self::Controller => quote! { ::antiphon::expansion::only_controller(__cx)?; },
            Self::Own => quote! { ::antiphon::expansion::only_own(__cx)?; },
            Self::Custom(path) => {
                let verdict = quote_spanned! { path.span() => #path(__actor, __cx) };
                quote! { ::antiphon::expansion::permit(#verdict)?; }
            }
        }
    }

    /// The error of a refused call.
    pub(crate) fn error(&self) -> ErrorCode {
        let docs = match self {
            Self::Controller => "Only the controller may do so.".to_owned(),
            Self::Own => "Only the process itself may do so.".to_owned(),
            Self::Custom(path) => {
                let path = path.to_token_stream().to_string().replace(' ', "");
                format!("`{path}` does not permit it.")
            }
        };
        ErrorCode { code: NOT_PERMITTED.to_owned(), docs }
    }
}
