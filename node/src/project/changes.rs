//! Changes of an actor's sources, as the operating system tells of them.
//!
//! Watches the crate's manifest, its build script and all below `src`. What cargo writes is not
//! watched, nor are the sources of dependencies.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::Notify, time::timeout};

use crate::error::NodeError;

/// How long nothing changes before a change counts as complete: editors and git write many files.
const QUIET: Duration = Duration::from_millis(200);

/// How many times in a row that may be put off.
const ROUNDS_MAX: usize = 50;

/// Changes of a crate's sources.
#[derive(Debug)]
pub(crate) struct Changes {
    changed: Arc<Notify>,
    // Ends with it.
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches a crate from now on.
    pub(crate) fn of(directory: &Path) -> Result<Self, NodeError> {
        let changed = Arc::new(Notify::new());
        let (told, sources) = (Arc::clone(&changed), directory.join("src"));
        let handler = move |event: notify::Result<notify::Event>| {
            // Where events were lost, anything may have changed.
            if event.map_or(true, |event| counts(&event, &sources)) {
                told.notify_one();
            }
        };
        let mut watcher = notify::recommended_watcher(handler).map_err(NodeError::system)?;
        let places = [
            (directory.to_owned(), RecursiveMode::NonRecursive),
            (directory.join("src"), RecursiveMode::Recursive),
        ];
        for (place, mode) in places {
            watcher.watch(&place, mode).map_err(NodeError::system)?;
        }
        Ok(Self { changed, _watcher: watcher })
    }

    /// Waits for the next change, and until it is complete.
    pub(crate) async fn next(&self) {
        self.changed.notified().await;
        for _ in 0..ROUNDS_MAX {
            if timeout(QUIET, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// Whether something that is compiled has changed. The compiler reads what is watched: that does not
/// count.
fn counts(event: &notify::Event, sources: &Path) -> bool {
    let is_source = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        path.starts_with(sources) || name == "Cargo.toml" || name == "build.rs"
    };
    !matches!(event.kind, EventKind::Access(_))
        && (event.need_rescan() || event.paths.iter().any(is_source))
}

#[cfg(test)]
mod tests;
