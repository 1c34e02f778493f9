//! Counts accepted connections, in all and for each host, so that no host takes every place.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The places for accepted connections.
#[derive(Debug)]
pub(crate) struct Slots {
    total: usize,
    per_host: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    host: IpAddr,
}

impl Slots {
    pub(crate) fn new(total: usize, per_host: usize) -> Self {
        Self { total, per_host, taken: Mutex::default() }
    }

    /// Takes a place for this address, unless there is none left in all or for its host.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let host = host(address);
        let mut taken = self.taken();
        let all = taken.values().sum::<usize>();
        let here = taken.get(&host).copied().unwrap_or(0);
        if all >= self.total || here >= self.per_host {
            return None;
        }
        taken.insert(host, here + 1);
        Some(Slot { slots: Arc::clone(self), host })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Every step under the lock leaves the counts whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(here) = taken.get_mut(&self.host) {
            *here -= 1;
            if *here == 0 {
                taken.remove(&self.host);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests;
