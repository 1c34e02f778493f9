//! Crates of actor authors: how they are made, built and tested.
//!
//! Nothing here talks to a unit.

mod cargo;
mod carried;
mod changes;
mod module;
mod name;
mod sdk;
mod template;

pub(crate) use cargo::Package;
pub(crate) use carried::make_parents;
pub(crate) use changes::Changes;
pub(crate) use module::{CheckedModule, ModuleError};
pub(crate) use name::CrateName;
pub(crate) use sdk::{Sdk, SdkSource};
pub(crate) use template::Template;
