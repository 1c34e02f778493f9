//! A cluster on this machine: its data directory, and units in this process or in their own.

mod book;
mod child;
mod directory;
mod keyring;
mod keys;
mod lock;
mod ports;
mod up;

pub(crate) use book::Book;
pub(crate) use child::{ChildOptions, ChildUnit};
pub(crate) use directory::{
    ClusterFile, DataDirectory, Place, UNIT_LOCK, UP_LOCK, UnitHome, write_whole,
};
pub(crate) use keyring::{Form, KeyInfo, Keyring, OPEN_MAX, open_text};
pub(crate) use keys::{
    KeyName, parse as parse_key, private, random_key, sealed::is_sealed, spell as spell_key,
};
pub(crate) use lock::Lock;
pub(crate) use ports::is_free;
pub(crate) use up::{Cluster, Death, Shape, UpOptions};
