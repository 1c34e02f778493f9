//! What the SDK costs: an actor whose methods do as little as they can. `empty.wat` beside it is the
//! least that an actor can be, written by hand.

use std::collections::BTreeMap;

use antiphon::prelude::*;

/// Does what is measured.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    entries: BTreeMap<u64, u64>,
}

#[actor]
impl Baseline {
    /// Begins without entries.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Does nothing.
    pub fn nothing(&mut self) {}

    /// Takes an argument and does nothing with it.
    pub fn take(&mut self, text: String) {
        drop(text);
    }

    /// Asks another one to do nothing.
    pub async fn ask(
        _this: State<Self>,
        cx: Context,
        peer: ActorRef<Self>,
    ) -> Result<(), AskError> {
        peer.nothing().ask(&cx).await
    }

    /// Inserts the entries of some numbers, all of which lie far from each other.
    pub fn insert(&mut self, from: u64, count: u64) {
        for number in from..from + count {
            // An odd factor: different numbers have different keys.
            self.entries.insert(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number);
        }
    }
}

#[cfg(test)]
mod tests;
