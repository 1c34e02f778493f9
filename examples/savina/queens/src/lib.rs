//! Savina's n-queens: how many ways are there to place n queens so that none attacks another?
//!
//! The first places so many queens itself; workers count the ways to go on from each placement.

use std::time::Duration;

use antiphon::prelude::*;

/// The number of solutions for each size, which is known: OEIS A000170.
pub const SOLUTIONS: [u64; 13] = [1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200];
/// The most workers.
pub const WORKERS_MAX: usize = 100;
/// The most placements that workers go on from.
pub const PLACEMENTS_MAX: usize = 900;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A worker, or the one that spawns them.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Queens {}

#[actor]
impl Queens {
    /// A worker, or the one that spawns them.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the solutions for a size, with so many workers and so many queens placed before; replies
    /// how many there are.
    pub async fn run(
        _this: State<Self>,
        cx: Context,
        size: usize,
        workers: usize,
        placed: usize,
    ) -> Result<u64, Error> {
        let known = *SOLUTIONS.get(size).ok_or("nobody would wait for so many queens")?;
        require!((1..=WORKERS_MAX).contains(&workers), "there are 1 to {WORKERS_MAX} workers");
        let placements = (0..placed.min(size)).fold(vec![Vec::new()], |placements, _| {
            placements.iter().flat_map(|placement| extended(size, placement)).collect()
        });
        require!(placements.len() <= PLACEMENTS_MAX, "{PLACEMENTS_MAX} placements at most");
        let spawn = |_| cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
        let workers: Vec<ActorRef<Self>> = (0..workers).map(spawn).collect();
        let parts = placements.into_iter().zip(workers.iter().cycle());
        let parts = parts
            .map(|(placement, worker)| worker.solve(size, placement).deadline(PATIENCE).ask(&cx));
        let mut solutions = 0;
        for part in join_all(parts).await {
            solutions += part?;
        }
        require!(solutions == known, "there are {solutions} solutions, not {known}");
        Ok(solutions)
    }

    /// Counts the ways to go on from a placement. A worker does so.
    pub fn solve(&mut self, size: usize, placement: Vec<usize>) -> Result<u64, Error> {
        require!(size < SOLUTIONS.len(), "nobody would wait for so many queens");
        Ok(count(size, &placement))
    }
}

/// The placements with one more queen, in the next row.
fn extended(size: usize, placement: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let free = (0..size).filter(move |column| is_free(placement, *column));
    free.map(move |column| [placement, &[column]].concat())
}

/// Whether no queen attacks a column of the next row.
fn is_free(placement: &[usize], column: usize) -> bool {
    let attacks =
        |(distance, queen): (usize, &usize)| [0, distance].contains(&queen.abs_diff(column));
    !(1..).zip(placement.iter().rev()).any(attacks)
}

fn count(size: usize, placement: &[usize]) -> u64 {
    if placement.len() >= size {
        return 1;
    }
    extended(size, placement).map(|longer| count(size, &longer)).sum()
}

#[cfg(test)]
mod tests;
