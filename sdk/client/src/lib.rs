//! Talks to an Antiphon network from outside of it: spawns processes, sends messages, reads logs.
//!
//! A [`Client`] is one key (or none, for reading only), a directory of units, and a connection to
//! each unit it needs. Messages of all callers share one stream to a messenger; [`Client::submit`]
//! hands out a [`Ticket`] for each, so thousands can be under way at once. [`Client::actor`] gives the
//! methods of an actor's type.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use antiphon_client::{Client, ClientError, ClientOptions, SpawnOptions, Units};
//! use protocol::{NetworkId, SecretKey, Slot, Value};
//!
//! async fn run(network: NetworkId, key: SecretKey, module: Vec<u8>) -> Result<(), ClientError> {
//!     let unit = "unit1...@192.0.2.7:12345".parse().expect("what `antiphon status` prints");
//!     let units = Units::Bootstrap(vec![unit]);
//!     let client = Client::connect(ClientOptions { network, key: Some(key), units }).await?;
//!
//!     let args = Value::Map(vec![(Value::Text("start".into()), Value::Integer(5))]);
//!     let counter = client.spawn(SpawnOptions { args, ..SpawnOptions::new(module) }).await?.process;
//!     let by = Value::Map(vec![(Value::Text("by".into()), Value::Integer(3))]);
//!     let sent = client.send(counter, "add", &by, Duration::from_secs(5)).await?;
//!     println!("slot {}: {:?}", sent.slot(), sent.reply()?);
//!
//!     // Every outcome from the first on, in order, as it comes.
//!     let mut outcomes = client.subscribe(counter, Slot::new(0)).await?;
//!     println!("{:?}", outcomes.next().await.outcome.reply);
//!     Ok(())
//! }
//! ```
//!
//! # Invariants
//!
//! - Nothing a unit says is handed to the caller before its signature, its path to what is signed
//!   and its place are checked: an assignment against the process's scheduler, an outcome and a
//!   view against the process's policy. What does not hold is [`ClientError::Unverified`].
//! - Who orders and executes a process is read from the process's spawn, whose digest is its id, and
//!   from the changes that its controllers signed and its schedulers sealed; no unit's word counts
//!   for it. It is found out anew when an answer does not fit what is known.
//! - What is in flight is bounded in bytes. A lost messenger costs time, never a message: entries
//!   without an answer are submitted again under the same id.

#![deny(missing_docs)]

mod assign;
mod audit;
mod calls;
mod check;
mod client;
mod control;
mod doubts;
mod error;
mod flights;
mod inspect;
mod locations;
mod log;
mod policy;
mod reads;
mod recover;
mod section;
mod shell;
mod spawn;
mod submitter;
mod subscription;
#[cfg(test)]
mod testing;
mod typed;
mod waiting;
mod watch;

pub use calls::{SendResult, ViewResult};
pub use client::{Client, ClientOptions, Units};
pub use control::Upgrade;
pub use error::ClientError;
pub use locations::{Described, Handover};
pub use log::LogReader;
pub use reads::UnitReport;
pub use spawn::{SpawnOptions, Spawned};
pub use submitter::Ticket;
pub use subscription::{LateAnswer, Mark, Subscription};
pub use typed::{CallError, Remote, RemoteActor, RemoteCall};
pub use waiting::Waiting;
pub use watch::{Observed, Watch};
