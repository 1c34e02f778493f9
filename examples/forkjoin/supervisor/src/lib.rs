//! Splits a job among workers that it spawns, and joins what they reply.

use antiphon::prelude::*;
use worker::Worker;

/// The most workers for one job.
pub const WORKERS_MAX: u32 = 100;
/// The most workers that are kept.
pub const KEPT_MAX: u32 = 1_000;

/// Splits jobs among workers.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Supervisor {
    done: u64,
    kept: Vec<ActorRef<Worker>>,
}

#[actor]
impl Supervisor {
    /// Has done nothing yet.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many jobs are done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Sums up the integers below `workers * len`: spawns workers of a module, asks each for its
    /// part and replies the sum.
    pub async fn sum(
        this: State<Self>,
        cx: Context,
        module: ModuleRef,
        workers: u32,
        len: u64,
    ) -> Result<u64, Error> {
        require!(workers <= WORKERS_MAX, "a job has at most {WORKERS_MAX} workers");
        // Each is asked before it is known to be born: what it is asked comes after its birth.
        let parts = (0..u64::from(workers)).map(|number| {
            let child = cx.spawn::<Worker>(&module, args! { number: number });
            let part = child.actor().work(len).ask(&cx);
            join(child, part)
        });
        let mut sum = 0_u64;
        for (born, part) in join_all(parts).await {
            born?;
            sum = sum.checked_add(part?).ok_or("the sum does not fit into 64 bits")?;
        }
        this.with(|me| me.done += 1);
        Ok(sum)
    }

    /// Spawns workers to keep; replies how many there are, once all are born.
    pub async fn hire(
        this: State<Self>,
        cx: Context,
        module: ModuleRef,
        workers: u32,
    ) -> Result<u64, Error> {
        require!(workers <= KEPT_MAX, "at most {KEPT_MAX} workers are kept");
        require!(this.with(|me| me.kept.is_empty()), "there are workers already");
        let numbers = 0..u64::from(workers);
        let children = numbers.map(|number| cx.spawn::<Worker>(&module, args! { number: number }));
        let mut kept = Vec::new();
        for born in join_all(children).await {
            kept.push(born?);
        }
        this.with(|me| me.kept = kept);
        Ok(workers.into())
    }

    /// Sums up as `sum` does, by the workers that are kept.
    pub async fn sum_by_kept(this: State<Self>, cx: Context, len: u64) -> Result<u64, Error> {
        let kept = this.with(|me| me.kept.clone());
        let parts = kept.iter().map(|worker| worker.work(len).ask(&cx));
        let mut sum = 0_u64;
        for part in join_all(parts).await {
            sum = sum.checked_add(part?).ok_or("the sum does not fit into 64 bits")?;
        }
        this.with(|me| me.done += 1);
        Ok(sum)
    }
}

#[cfg(test)]
mod tests;
