//! Compares the pages in `docs/` with the enums they describe.
