//! Measurements of a whole cluster, and of the machine it runs on.

mod ingest;
mod machine;
mod report;

pub(crate) use ingest::{IngestOptions, ingest};
pub(crate) use report::histogram;
