//! Brings the module that an upgrade names, before the upgrade is executed.

use std::sync::Arc;

use super::{Shared, hosted::Hosted, lock};
use crate::{module::Successor, process::Process};

/// What the slot that a process would execute next needs beside its own module, if anything; `None`
/// if it has to wait for it.
pub(super) fn bring(
    shared: &Shared,
    hosted: &Arc<Hosted>,
    process: &Process,
) -> Option<Option<Successor>> {
    let (module, scheduler) = {
        let mut inbox = lock(&hosted.inbox);
        let named = inbox.work.front().and_then(|work| {
            let module = process.upgrade_of(&work.entry)?;
            // Whoever ordered the upgrade has its module.
            Some((module, work.batch.assigning.header.unverified().scheduler))
        });
        inbox.upgrade = named.map(|(module, _)| module);
        let Some(named) = named else { return Some(None) };
        if inbox.unfit == inbox.upgrade {
            return Some(Some(Successor::Unfit));
        }
        named
    };
    shared.module(hosted, module, scheduler).map(|module| Some(Successor::Ready(module)))
}
