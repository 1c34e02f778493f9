//! The second version of `counter`, which also counts how often the number was set to zero: what a
//! process of the first one is upgraded to.

use antiphon::prelude::*;

/// A number.
#[actor(version = 2)]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    n: u64,
    /// States of the first version have none.
    #[serde(default)]
    resets: u64,
}

#[actor]
impl Counter {
    /// Starts at a number.
    #[init]
    pub fn new(start: u64) -> Self {
        Self { n: start, resets: 0 }
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.n
    }

    /// How often the number was set to zero, since that is counted.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Adds to the number and replies what it is then. Adds one if nothing else is said.
    pub fn add(&mut self, by: Option<u64>) -> Result<u64, Error> {
        let sum = self.n.checked_add(by.unwrap_or(1));
        self.n = sum.ok_or("the sum does not fit into 64 bits")?;
        Ok(self.n)
    }

    /// Sets the number to zero.
    pub fn reset(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller may reset");
        self.n = 0;
        self.resets += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
