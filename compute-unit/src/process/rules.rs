//! What the profile of a process executes.

use protocol::{Profile, ProfileId};

/// The effects and entries that a profile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// A bit for each effect.
    effects: u32,
    /// A bit for each kind of entry.
    entries: u32,
}

impl Rules {
    /// The rules of a profile; of one that is not known here, those of the first.
    pub(crate) fn of(profile: &ProfileId) -> Self {
        let profile = Profile::of(profile).unwrap_or_else(Profile::v1);
        let bits = |numbers: &[u8]| numbers.iter().fold(0, |bits, number| bits | bit(*number));
        Self { effects: bits(&profile.effects), entries: bits(&profile.entries) }
    }

    /// Whether an effect is executed, by its number.
    pub(crate) const fn has_effect(self, number: u8) -> bool {
        self.effects & bit(number) != 0
    }

    /// Whether a kind of entry is executed, by its number.
    pub(crate) const fn has_entry(self, number: u8) -> bool {
        self.entries & bit(number) != 0
    }

    /// Whether processes ask each other, and all that follows from it: replies, calls that stay open,
    /// and children that answer for their birth.
    pub(crate) const fn asks(self) -> bool {
        self.has_effect(3)
    }
}

const fn bit(number: u8) -> u32 {
    if number < 32 { 1 << number } else { 0 }
}
