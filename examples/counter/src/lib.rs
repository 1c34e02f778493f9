//! The smallest useful actor: a number that anybody may add to and only the controller resets.

use antiphon::prelude::*;

/// A number.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    /// Starts at a number.
    #[init]
    pub fn new(start: u64) -> Self {
        Self { n: start }
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.n
    }

    /// Adds to the number and replies what it is then.
    pub fn add(&mut self, by: u64) -> Result<u64, Error> {
        self.n = self.n.checked_add(by).ok_or("the sum does not fit into 64 bits")?;
        Ok(self.n)
    }

    /// Sets the number to zero.
    pub fn reset(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller may reset");
        self.n = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
