//! A seeded simulation of the unit: its own sequencer, order, verification, index and restart, on
//! simulated clocks, a simulated log and a simulated disk, with clients and messengers behind a
//! network that drops, doubles, delays and reorders.
//!
//! A seed decides everything. A failure prints the line that runs it again:
//! `ANTIPHON_SIM_SEED=17 cargo test -p scheduler-unit simulation`. More seeds than the tests run:
//! `ANTIPHON_SIM_SEEDS=5000 cargo test -p scheduler-unit --release simulation`.

mod checker;
mod numbers;
mod peers;
mod platter;
mod unit;
mod world;

mod tests;
