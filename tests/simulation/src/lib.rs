//! All units together in one seeded simulation: clients, messengers, schedulers and compute units on
//! machines that crash, behind a network that delays and breaks off, on disks that lose and refuse.
//!
//! Schedulers and messengers run as they run live, compiled a second time against packages of the
//! names of Tokio, transport and redb that keep everything in memory and in virtual time. Of compute
//! units all runs that decides what comes of a log; threads and files are replaced here.
//!
//! A seed decides everything. `ANTIPHON_SIM_SEED=17` runs one and tells what happens in it,
//! `ANTIPHON_SIM_SEEDS=5000` so many of them.

#[cfg(test)]
mod actor;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod client;
#[cfg(test)]
mod compute;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod units;
#[cfg(test)]
mod world;
