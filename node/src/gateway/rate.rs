//! How many requests an address may make: a bucket for each that fills with time.
//!
//! Pure: time is an argument. What is remembered is bounded; where that is full of addresses that
//! are all busy, the rest share one bucket, so that nobody gets more by coming from everywhere.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use tokio::time::Instant;

/// Addresses remembered.
const ADDRESSES_MAX: usize = 4_096;

/// For how long requests may have been saved up.
const SAVED: Duration = Duration::from_secs(2);

/// Who may make requests now.
#[derive(Debug)]
pub(super) struct Rates {
    /// The time that one request costs.
    cost: Duration,
    /// When the bucket of an address is full again. In the past, it is full.
    full_at: HashMap<IpAddr, Instant>,
    /// The same of all addresses that there is no room for.
    others: Option<Instant>,
}

impl Rates {
    /// Lets every address make so many requests a second, on average.
    pub(super) fn new(per_second: NonZeroU32) -> Self {
        let cost = Duration::from_secs(1) / per_second.get();
        Self { cost, full_at: HashMap::new(), others: None }
    }

    /// Takes a request from an address, or tells how long it has to wait with it.
    pub(super) fn take(&mut self, now: Instant, address: IpAddr) -> Result<(), Duration> {
        let address = network_of(address);
        if self.full_at.len() >= ADDRESSES_MAX && !self.full_at.contains_key(&address) {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let known = self.full_at.get(&address).copied();
        let is_alone = known.is_some() || self.full_at.len() < ADDRESSES_MAX;
        let full_at = if is_alone { known } else { self.others };
        let full_at = full_at.unwrap_or(now).max(now) + self.cost;
        let missing = full_at.duration_since(now);
        // One request is always possible where nothing was taken.
        if let Some(wait) = missing.checked_sub(SAVED.max(self.cost)).filter(|wait| !wait.is_zero())
        {
            return Err(wait);
        }
        if is_alone {
            self.full_at.insert(address, full_at);
        } else {
            self.others = Some(full_at);
        }
        Ok(())
    }
}

/// What of an address is its owner's to choose does not count: they have a whole network in IPv6.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
