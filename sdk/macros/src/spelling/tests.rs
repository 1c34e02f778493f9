use syn::{Field, Variant, parse_quote};

use super::*;

/// What serde calls a field and a variant of a type with such an attribute.
fn names(attribute: Attribute) -> (String, String) {
    let of = Spelling::read(&[attribute]).unwrap();
    let field: Field = parse_quote!(first_try: u8);
    let variant: Variant = parse_quote!(FirstTry);
    let field = Spelling::default().field(&field.ident.unwrap(), &of);
    (field, Spelling::default().variant(&variant.ident, &of))
}

#[test]
fn names_are_written_in_the_case_that_serde_writes() {
    let cases: [(Attribute, &str, &str); 8] = [
        (parse_quote!(#[serde(rename_all = "lowercase")]), "first_try", "firsttry"),
        (parse_quote!(#[serde(rename_all = "UPPERCASE")]), "FIRST_TRY", "FIRSTTRY"),
        (parse_quote!(#[serde(rename_all = "PascalCase")]), "FirstTry", "FirstTry"),
        (parse_quote!(#[serde(rename_all = "camelCase")]), "firstTry", "firstTry"),
        (parse_quote!(#[serde(rename_all = "snake_case")]), "first_try", "first_try"),
        (parse_quote!(#[serde(rename_all = "SCREAMING_SNAKE_CASE")]), "FIRST_TRY", "FIRST_TRY"),
        (parse_quote!(#[serde(rename_all = "kebab-case")]), "first-try", "first-try"),
        (parse_quote!(#[serde(rename_all = "SCREAMING-KEBAB-CASE")]), "FIRST-TRY", "FIRST-TRY"),
    ];
    for (attribute, field, variant) in cases {
        assert_eq!(names(attribute), (field.to_owned(), variant.to_owned()));
    }
}

#[test]
fn what_changes_no_shape_is_passed_over() {
    let told = Spelling::read(&[
        parse_quote!(#[derive(Debug)]),
        parse_quote!(#[serde(deny_unknown_fields, bound(serialize = "T: Copy"), default = "a::b")]),
        parse_quote!(#[serde(rename = "x", skip_serializing_if = "Option::is_none", alias = "y")]),
    ]);
    let told = told.unwrap();
    assert!(told.default && !told.skip && !told.transparent);
    let field: Field = parse_quote!(r#type: u8);
    let ident = field.ident.unwrap();
    assert_eq!(told.field(&ident, &Spelling::default()), "x");
    assert_eq!(Spelling::default().field(&ident, &told), "type");
}

#[test]
fn what_a_schema_cannot_say_is_refused() {
    let refused: [Attribute; 5] = [
        parse_quote!(#[serde(flatten)]),
        parse_quote!(#[serde(tag = "t")]),
        parse_quote!(#[serde(untagged)]),
        parse_quote!(#[serde(rename(serialize = "a"))]),
        parse_quote!(#[serde(rename_all = "Backwards")]),
    ];
    for attribute in refused {
        assert!(Spelling::read(&[attribute]).is_err());
    }
}
