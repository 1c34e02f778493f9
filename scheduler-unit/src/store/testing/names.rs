//! The names of files on a disk that can crash.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::image::Image;

pub(super) type File = Arc<Mutex<Image>>;

/// The names of files, and what they will be after a crash.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) live: BTreeMap<String, File>,
    pub(super) durable: BTreeMap<String, File>,
    /// What has happened since the names were synced.
    pub(super) unsynced: Vec<Naming>,
}

/// A change of names.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    Make(String, File),
    Rename(String, String),
    Remove(String),
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, File>) {
        match self {
            Self::Make(name, file) => drop(names.insert(name.clone(), Arc::clone(file))),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(file) => drop(names.remove(file)),
        }
    }
}
