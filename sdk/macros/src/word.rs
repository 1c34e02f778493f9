//! Words that clients see: the codes of errors and the names of events.

use syn::{Attribute, Ident, LitStr, ext::IdentExt};

use crate::{method::refuse, spelling};

/// The word of a type or a variant: what an attribute of this name says, else its name in kebab
/// case.
pub(crate) fn of(attributes: &[Attribute], name: &str, ident: &Ident) -> syn::Result<String> {
    let Some(attribute) = attributes.iter().find(|attribute| attribute.path().is_ident(name))
    else {
        return Ok(spelling::kebab(&ident.unraw().to_string()));
    };
    let form = format!("write it `#[{name}(\"two-words\")]`: small letters, digits and `-`");
    let word: LitStr = attribute.parse_args().map_err(|_| refuse(attribute, &form))?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if word.value().is_empty() || !word.value().chars().all(fits) {
        return Err(refuse(&word, form));
    }
    Ok(word.value())
}
