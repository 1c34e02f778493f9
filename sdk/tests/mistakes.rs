//! What the compiler tells authors who make the usual mistakes. Each file of `mistakes/` is one, and
//! its `.stderr` what is said; `TRYBUILD=overwrite` writes these anew, to be read before they are
//! kept.

#[test]
fn the_compiler_says_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
