//! What a simulated unit answers.

use std::collections::BTreeMap;

use protocol::{
    Acceptance, ModuleId, Profile, Receipt, Refusal, RefusalCode, Role, Timestamp,
    api::{
        AgendaPage, Executed, ExecutedHead, HeadPage, OutcomePage, Request, Response, UnitStatus,
    },
};

use super::Unit;
use crate::metrics::SLOTS_WAITING;

impl Unit {
    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Vec<u8> {
        match request {
            Request::Status => Response::done(&self.status()),
            Request::Accept { module, profile } if Profile::of(profile).is_some() => {
                let module = ModuleId::of(module);
                Response::done(&Acceptance::sign(&self.key, self.network, &module, profile))
            }
            Request::Outcomes { process, from, limit } => {
                let mut page = OutcomePage { executed: Vec::new(), next: *from };
                for frame in self.disk.frames() {
                    let tree = frame.frame.tree();
                    for (index, slot) in (0_u32..).zip(&frame.frame.slots) {
                        let leaf = &slot.leaf;
                        let full = page.executed.len() >= usize::try_from(*limit).unwrap_or(0);
                        if leaf.process != *process || leaf.slot != page.next || full {
                            continue;
                        }
                        let path = tree.path(index).expect("every slot is a leaf");
                        let leaf = leaf.clone();
                        let receipt = Receipt { leaf, path, batch: frame.frame.batch.clone() };
                        page.executed.push(Executed { outcome: slot.outcome.clone(), receipt });
                        page.next = page.next.next().unwrap_or(page.next);
                    }
                }
                Response::done(&page)
            }
            Request::Proof { process, slot } => match self.given.get(&(*process, *slot)) {
                Some(proof) => Response::done(proof),
                None => refuse(RefusalCode::NotFound),
            },
            Request::Agenda { after, limit } => {
                let most = usize::try_from(*limit).unwrap_or(usize::MAX);
                let agenda = self.disk.agenda();
                let found: Vec<_> = agenda.behind(*after).take(most.saturating_add(1)).collect();
                let more = found.len() > most;
                let timers: Vec<_> = found.into_iter().take(most).collect();
                tracing::debug!(count = timers.len(), more, "the agenda is told");
                Response::done(&AgendaPage { timers, more })
            }
            Request::Heads { scheduler, .. } => {
                let mut heads = BTreeMap::new();
                for frame in self.disk.frames() {
                    for slot in &frame.frame.slots {
                        let (process, slot, chain) =
                            (slot.leaf.process, slot.leaf.slot, slot.leaf.chain);
                        heads.insert(process, ExecutedHead { process, slot, chain });
                    }
                }
                heads.retain(|process, _| self.disk.scheduler(process) == Some(*scheduler));
                let heads = heads.into_values().collect();
                Response::done(&HeadPage { heads, more: false })
            }
            _ => refuse(RefusalCode::UnknownRequest),
        }
    }

    fn status(&self) -> UnitStatus {
        let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
        UnitStatus {
            unit: self.id(),
            role: Role::Compute,
            software: "simulation".to_owned(),
            started: Timestamp::ZERO,
            counters: vec![(SLOTS_WAITING.to_owned(), waiting)],
        }
    }
}

fn refuse(code: RefusalCode) -> Vec<u8> {
    Response::refused(Refusal::new(code, "the simulated unit says no"))
}
