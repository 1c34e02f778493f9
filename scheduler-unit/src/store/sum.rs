//! A sum over the rows that new slots and numbers follow from.
//!
//! A damaged head or pair would make the unit give a slot twice, and the database checks what it reads
//! only after a crash. The sum changes with each row that is written, and everything it covers is read
//! at every start anyway.

/// The combined digests of rows, in any order. It finds accidents, not forgeries.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sum(u64);

impl Sum {
    /// A sum so far.
    pub(crate) const fn new(sum: u64) -> Self {
        Self(sum)
    }

    /// The sum.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// Adds the head of a process number, or takes it away: next slot, epoch, time and chain hash.
    pub(crate) fn toggle_head(
        &mut self,
        number: u64,
        (next, epoch, time, chain): (u64, u64, u64, [u8; 32]),
    ) {
        self.toggle(b"head", &[number, next, epoch, time], &chain);
    }

    /// Adds the next number of a pair of target's number and source, or takes it away.
    pub(crate) fn toggle_pair(&mut self, (target, source): (u64, [u8; 32]), next: u64) {
        self.toggle(b"pair", &[target, next], &source);
    }

    fn toggle(&mut self, kind: &[u8; 4], numbers: &[u64], bytes: &[u8; 32]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind);
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(bytes);
        let mut digest = [0; 8];
        hasher.finalize_xof().fill(&mut digest);
        self.0 ^= u64::from_le_bytes(digest);
    }
}

#[cfg(test)]
mod tests;
