//! A number: an initialiser, a view and a message.

use antiphon::prelude::*;

/// A number that anybody may add to.
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

    /// The number. `&self` is a view: it never enters the log.
    pub fn get(&self) -> u64 {
        self.n
    }

    /// Adds to the number and replies what it is then. `&mut self` is a message.
    pub fn add(&mut self, cx: &Context, by: u64) -> Result<u64, Error> {
        self.n = self.n.checked_add(by).ok_or("the sum does not fit into 64 bits")?;
        log!(cx, "{by} more, by {}", cx.sender());
        Ok(self.n)
    }
}

#[cfg(test)]
mod tests;
