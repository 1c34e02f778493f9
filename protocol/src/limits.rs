//! Every limit that can affect an outcome: part of the spawn, never of a unit's configuration.

use minicbor::{Decode, Encode};

/// The limits of one process, fixed by its spawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Limits {
    /// Gas a single slot may use.
    #[n(0)]
    pub gas: u64,
    /// Linear memory in pages of 64 KiB.
    #[n(1)]
    pub memory_pages: u32,
    /// Outbox items a slot may emit.
    #[n(2)]
    pub outbox_items: u32,
    /// Bytes of outbox items a slot may emit.
    #[n(3)]
    pub outbox_bytes: u32,
    /// Bytes of an entry.
    #[n(4)]
    pub message_bytes: u32,
    /// Bytes of a reply, a view's answer or all log lines and events of a slot.
    #[n(5)]
    pub reply_bytes: u32,
    /// Asks that may be open at once.
    #[n(6)]
    pub open_asks: u32,
    /// Timers that may be set at once.
    #[n(7)]
    pub timers: u32,
    /// Entries that may wait for execution.
    #[n(8)]
    pub pending: u32,
    /// Processes that it and its descendants may spawn in all: what a child may spawn is taken from
    /// its parent. Absent for none, and under profile 1.
    #[n(9)]
    pub children: Option<u32>,
}

impl Limits {
    /// The most tags a message or a spawn may have.
    pub const TAGS_MAX: usize = 64;

    /// The largest module in bytes.
    pub const MODULE_BYTES_MAX: usize = 16 << 20;

    /// The limits of a spawn that asks for nothing else.
    pub const DEFAULT: Self = Self {
        gas: 1_000_000_000,
        memory_pages: 1_024,
        outbox_items: 1_024,
        outbox_bytes: 8 << 20,
        message_bytes: 2 << 20,
        reply_bytes: 2 << 20,
        open_asks: 1_000,
        timers: 1_000,
        pending: 10_000,
        children: Some(10_000),
    };

    /// The most a spawn may ask for.
    pub const MAX: Self = Self {
        gas: 10_000_000_000,
        memory_pages: 65_536,
        outbox_items: 1_024,
        outbox_bytes: 8 << 20,
        message_bytes: 2 << 20,
        reply_bytes: 2 << 20,
        open_asks: 10_000,
        timers: 10_000,
        pending: 10_000,
        children: Some(1_000_000),
    };

    /// Whether no limit is zero where it must not be, nor above [`Self::MAX`].
    ///
    /// # Errors
    ///
    /// The name of the first limit that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let (me, max) = (self, &Self::MAX);
        let ranges = [
            (me.gas, 1, max.gas, "the gas limit is out of range"),
            (
                me.memory_pages.into(),
                1,
                max.memory_pages.into(),
                "the memory limit is out of range",
            ),
            (
                me.outbox_items.into(),
                0,
                max.outbox_items.into(),
                "the outbox limit is out of range",
            ),
            (
                me.outbox_bytes.into(),
                0,
                max.outbox_bytes.into(),
                "the outbox limit is out of range",
            ),
            (
                me.message_bytes.into(),
                1,
                max.message_bytes.into(),
                "the message limit is out of range",
            ),
            (me.reply_bytes.into(), 1, max.reply_bytes.into(), "the reply limit is out of range"),
            (me.open_asks.into(), 0, max.open_asks.into(), "the ask limit is out of range"),
            (me.timers.into(), 0, max.timers.into(), "the timer limit is out of range"),
            (me.pending.into(), 1, max.pending.into(), "the pending limit is out of range"),
            (
                me.children.unwrap_or(0).into(),
                0,
                max.children.unwrap_or(0).into(),
                "the limit of children is out of range",
            ),
        ];
        match ranges.iter().find(|(value, least, most, _)| value < least || value > most) {
            Some((.., name)) => Err(name),
            None => Ok(()),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests;
