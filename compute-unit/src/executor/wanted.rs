//! Modules that processes wait for. Pure.

use std::{collections::HashMap, sync::Arc};

use protocol::{ModuleId, UnitId};

use super::hosted::Hosted;

/// Who waits for which module.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    waiting: HashMap<ModuleId, Vec<Arc<Hosted>>>,
    /// Modules that nobody has begun to fetch, with a scheduler that has them.
    fresh: Vec<(ModuleId, UnitId)>,
}

impl Wanted {
    /// Lets a process wait for a module that a scheduler has; whether somebody has to fetch it.
    pub(super) fn wait(
        &mut self,
        module: ModuleId,
        hosted: &Arc<Hosted>,
        scheduler: UnitId,
    ) -> bool {
        let waiting = self.waiting.entry(module).or_default();
        waiting.push(Arc::clone(hosted));
        let first = waiting.len() == 1;
        if first {
            self.fresh.push((module, scheduler));
        }
        first
    }

    /// The modules to fetch; nobody else is told of them.
    pub(super) fn take_fresh(&mut self) -> Vec<(ModuleId, UnitId)> {
        std::mem::take(&mut self.fresh)
    }

    /// Those who waited for a module.
    pub(super) fn come(&mut self, module: &ModuleId) -> Vec<Arc<Hosted>> {
        self.waiting.remove(module).unwrap_or_default()
    }
}
