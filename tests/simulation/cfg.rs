//! Tells the code of a unit that it is compiled for the simulation.

fn main() {
    println!("cargo::rerun-if-changed=../../simulation/cfg.rs");
    println!("cargo::rustc-cfg=simulation");
}
