//! Does one part of a job that a supervisor splits.

use antiphon::prelude::*;

/// The longest part.
pub const PART_MAX: u64 = 1_000_000;

/// A worker.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Worker {
    number: u64,
    jobs: u64,
}

#[actor]
impl Worker {
    /// The worker of a number.
    #[init]
    pub fn new(number: u64) -> Self {
        Self { number, jobs: 0 }
    }

    /// How many jobs are done.
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// Sums up `len` integers, from this worker's number times `len` on.
    pub fn work(&mut self, len: u64) -> Result<u64, Error> {
        require!(len <= PART_MAX, "a part has at most {PART_MAX} integers");
        let first = self.number.checked_mul(len).ok_or("the part is out of range")?;
        let end = first.checked_add(len).ok_or("the part is out of range")?;
        let sum = (first..end).try_fold(0_u64, u64::checked_add);
        self.jobs += 1;
        Ok(sum.ok_or("the sum does not fit into 64 bits")?)
    }
}

#[cfg(test)]
mod tests;
