use std::collections::BTreeSet;

use super::*;

/// Numbers that follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap() % below
    }
}

/// Changes a few bytes of a seed, as a fuzzer would.
fn damaged(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.next(3) {
        let at = numbers.next(bytes.len() + 1);
        let byte = u8::try_from(numbers.next(256)).unwrap();
        match numbers.next(5) {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            _ if at < bytes.len() => bytes[at] = byte,
            _ => bytes.push(byte),
        }
    }
    bytes
}

#[test]
fn every_check_holds_for_its_seeds_whole_or_damaged() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} begins with nothing", target.name);
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for seed in &seeds {
            (target.check)(seed);
            (target.check)(&seed[..seed.len() / 2]);
            for _ in 0..400 {
                (target.check)(&damaged(seed, &mut numbers));
            }
        }
        (target.check)(&[]);
    }
}

#[test]
fn outputs_to_begin_with_are_let_through() {
    let (id, spawn) = seeds::parent();
    for output in guest::outputs() {
        assert!(compute_unit::fuzzing::output(&codec::encode(&output), &id, &spawn), "{output:?}");
    }
}

#[test]
fn every_format_with_a_vector_is_in_a_family() {
    // A log is a list of assignments, a profile is never read from bytes.
    let mut missing: BTreeSet<String> = seeds::kinds().collect();
    for name in ["Log", "Profile"] {
        missing.remove(name);
    }
    let families = [
        objects::ENTRIES,
        objects::FRAMES,
        objects::PROOFS,
        states::STATES,
        values::VALUES,
        guest::GUEST,
        network::FAMILY,
    ];
    for (name, _) in families.into_iter().flatten() {
        missing.remove(*name);
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_target_has_a_program_and_every_program_is_built() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");
    let manifest = std::fs::read_to_string(format!("{folder}/Cargo.toml")).unwrap();
    for Target { name, .. } in TARGETS {
        let program = std::fs::read_to_string(format!("{folder}/targets/{name}.rs")).unwrap();
        assert!(program.contains(&format!("target(\"{name}\")")), "{name}");
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
    }
    assert_eq!(std::fs::read_dir(format!("{folder}/targets")).unwrap().count(), TARGETS.len());
}
