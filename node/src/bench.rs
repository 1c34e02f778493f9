//! Measurements of a whole cluster, and of the machine it runs on.

mod flood;
mod idle;
mod ingest;
mod long;
mod machine;
mod report;

pub(crate) use flood::{FloodOptions, flood};
pub(crate) use idle::{IdleOptions, idle};
pub(crate) use ingest::{IngestOptions, ingest};
pub(crate) use long::long;
pub(crate) use report::histogram;
