//! Crates of actor authors: how they are made, built and tested.
//!
//! Nothing here talks to a unit.

mod carried;
mod name;
mod sdk;
mod template;

pub(crate) use name::CrateName;
pub(crate) use sdk::{Sdk, SdkSource};
pub(crate) use template::Template;
