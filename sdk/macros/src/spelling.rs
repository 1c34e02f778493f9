//! The names that serde gives to fields and variants, read from its attributes.

use syn::{
    Attribute, Ident, LitStr, Meta, ext::IdentExt, meta::ParseNestedMeta, punctuated::Punctuated,
    token,
};

/// What serde is told of a type, a field or a variant.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    rename: Option<String>,
    rename_all: Option<Case>,
    /// Whether a type is its one field.
    pub(crate) transparent: bool,
    /// Whether there is a value where none is given.
    pub(crate) default: bool,
    /// Whether it is left out.
    pub(crate) skip: bool,
    /// The module that encodes a field in the place of its type.
    pub(crate) with: Option<String>,
}

/// A way to write names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Spelling {
    /// Reads serde's attributes.
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut spelling = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| spelling.take(&meta))?;
        }
        Ok(spelling)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "rename" => self.rename = Some(text(meta)?.value()),
            "rename_all" => {
                let text = text(meta)?;
                let case = Case::read(&text.value());
                self.rename_all =
                    Some(case.ok_or_else(|| syn::Error::new_spanned(&text, "no case of serde's"))?);
            }
            "transparent" => self.transparent = true,
            "default" => {
                self.default = true;
                pass_over(meta)?;
            }
            "skip" => self.skip = true,
            "with" => self.with = Some(text(meta)?.value()),
            "serialize_with" | "deserialize_with" => {
                self.with = Some(String::new());
                pass_over(meta)?;
            }
            "alias"
            | "borrow"
            | "bound"
            | "crate"
            | "deny_unknown_fields"
            | "expecting"
            | "skip_serializing_if" => pass_over(meta)?,
            _ => {
                return Err(meta.error(
                    "a schema has no words for this attribute of serde's: remove the attribute, or the \
                     derive, and the type is shown by its name",
                ));
            }
        }
        Ok(())
    }

    /// The name of a field under what its type or variant is told.
    pub(crate) fn field(&self, field: &Ident, of: &Self) -> String {
        self.name(field, of.rename_all, Case::of_field)
    }

    /// The name of a variant under what its type is told.
    pub(crate) fn variant(&self, variant: &Ident, of: &Self) -> String {
        self.name(variant, of.rename_all, Case::of_variant)
    }

    fn name(&self, ident: &Ident, all: Option<Case>, write: fn(Case, &str) -> String) -> String {
        let ident = ident.unraw().to_string();
        match (&self.rename, all) {
            (Some(name), _) => name.clone(),
            (None, Some(case)) => write(case, &ident),
            (None, None) => ident,
        }
    }
}

impl Case {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// A name in snake case, in this one.
    fn of_field(self, name: &str) -> String {
        let pascal = || name.split('_').map(|word| first(word, char::to_ascii_uppercase)).collect();
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => pascal(),
            Self::Camel => first(&pascal(), char::to_ascii_lowercase),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A name in Pascal case, in this one.
    fn of_variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => first(name, char::to_ascii_lowercase),
            Self::Snake => snake(name),
            Self::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Self::Kebab => kebab(name),
            Self::ScreamingKebab => kebab(name).to_ascii_uppercase(),
        }
    }
}

/// A name in Pascal case, in snake case.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A name in Pascal case, in kebab case.
pub(crate) fn kebab(name: &str) -> String {
    snake(name).replace('_', "-")
}

/// The text with its first letter changed.
fn first(text: &str, change: fn(&char) -> char) -> String {
    let mut letters = text.chars();
    letters.next().iter().map(change).chain(letters).collect()
}

/// The text after `=`.
fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    if meta.input.peek(token::Paren) {
        return Err(meta.error("a schema has one name for reading and writing: say `= \"...\"`"));
    }
    meta.value()?.parse()
}

/// Reads over what an attribute is told.
fn pass_over(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(token::Eq) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        Punctuated::<Meta, token::Comma>::parse_terminated(&content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
