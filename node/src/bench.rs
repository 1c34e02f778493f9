//! Measurements of a whole cluster, of a scheduler alone, and of the machine it runs on.

mod assign;
mod backlog;
mod deliver;
mod flood;
mod flow;
mod forkjoin;
mod gateway;
mod hops;
mod idle;
mod ingest;
mod limits;
mod lone;
mod long;
mod machine;
mod neighbour;
mod pages;
mod read;
mod report;
mod ring;
mod savina;
mod start;
mod subject;
mod subscribers;
mod synthetic;

use crate::error::NodeError;

pub(crate) use assign::{AssignOptions, assign};
pub(crate) use backlog::backlog;
pub(crate) use deliver::{DeliverOptions, deliver};
pub(crate) use forkjoin::fork_join;
pub(crate) use hops::{HopsOptions, hops};
pub(crate) use idle::{IdleOptions, idle};
pub(crate) use ingest::{IngestOptions, ingest};
pub(crate) use lone::lone;
pub(crate) use long::long;
pub(crate) use neighbour::{FloodOptions, neighbour};
pub(crate) use pages::{PagesOptions, pages};
pub(crate) use read::read;
pub(crate) use report::histogram;
pub(crate) use ring::{RingOptions, ring};
pub(crate) use savina::{savina, savina_names};
pub(crate) use start::{StartOptions, start};
pub(crate) use subscribers::{SubscribersOptions, subscribers};

/// Does something that takes long, away from the threads that serve the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work).await.map_err(NodeError::system)
}
