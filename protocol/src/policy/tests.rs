use super::*;
use crate::Profile;
use crate::examples::{
    COMPUTE, NETWORK, OTHER_COMPUTE, acceptance, key, module, policy, source, statements, unit,
};

fn of(units: Vec<UnitId>, quorum: u16) -> ComputePolicy {
    ComputePolicy { units, quorum, ..policy() }
}

#[test]
fn a_policy_names_1_to_64_units() {
    let units = |count: u8| (0..count).map(|seed| UnitId::from_bytes([seed; 32])).collect();
    assert_eq!(of(units(1), 1).check(), Ok(()));
    assert_eq!(of(units(64), 64).check(), Ok(()));
    assert_eq!(of(units(0), 1).check(), Err(PolicyError::Units));
    assert_eq!(of(units(65), 1).check(), Err(PolicyError::Units));
}

#[test]
fn a_policy_names_no_unit_twice() {
    let units = vec![unit(COMPUTE), unit(OTHER_COMPUTE), unit(COMPUTE)];
    assert_eq!(of(units, 1).check(), Err(PolicyError::Repeated));
}

#[test]
fn a_quorum_is_1_to_the_number_of_units() {
    for (quorum, expected) in
        [(0, Err(PolicyError::Quorum)), (1, Ok(())), (2, Ok(())), (3, Err(PolicyError::Quorum))]
    {
        assert_eq!(of(policy().units, quorum).check(), expected);
    }
}

#[test]
fn a_next_policy_names_the_one_before() {
    assert_eq!(statements::next_policy().previous, Some(policy().digest()));
    assert_ne!(statements::next_policy().digest(), policy().digest());
}

#[test]
fn the_rank_does_not_depend_on_the_order_of_the_policy() {
    let units: Vec<UnitId> = (1..=8).map(unit).collect();
    let reversed = units.iter().rev().copied().collect();
    let ranked = of(units.clone(), 1).ranked(&source());
    assert_eq!(of(reversed, 1).ranked(&source()), ranked);
    let mut sorted = ranked;
    sorted.sort_unstable();
    let mut expected = units;
    expected.sort_unstable();
    assert_eq!(sorted, expected);
}

#[test]
fn a_unit_that_leaves_moves_no_other() {
    let units: Vec<UnitId> = (1..=8).map(unit).collect();
    let ranked = of(units.clone(), 1).ranked(&source());
    for gone in &units {
        let rest = units.iter().filter(|unit| *unit != gone).copied().collect();
        let expected: Vec<UnitId> = ranked.iter().filter(|unit| *unit != gone).copied().collect();
        assert_eq!(of(rest, 1).ranked(&source()), expected);
    }
}

#[test]
fn processes_are_spread_over_the_units() {
    let policy = policy();
    let firsts = (0..=u8::MAX).map(|byte| policy.ranked(&ProcessId::from_bytes([byte; 32]))[0]);
    let first = firsts.filter(|first| *first == unit(COMPUTE)).count();
    assert!((64..192).contains(&first), "{first} of 256");
}

#[test]
fn the_first_quorum_of_the_ranked_execute() {
    let units: Vec<UnitId> = (1..=5).map(unit).collect();
    let policy = of(units, 2);
    let ranked = policy.ranked(&source());
    let ranking = policy.ranking(&source());
    let executing: Vec<bool> = ranked.iter().map(|unit| ranking.executes(unit, None)).collect();
    assert_eq!(executing, [true, true, false, false, false]);
    assert!(!ranking.executes(&unit(9), None));
}

#[test]
fn the_next_units_step_in_for_those_that_are_not_present() {
    let policy = of((1..=4).map(unit).collect(), 2);
    let (ranked, ranking) = (policy.ranked(&source()), policy.ranking(&source()));
    let executing = |present: &[usize]| -> Vec<bool> {
        let present = UnitSet::new(present.iter().map(|rank| ranked[*rank]));
        ranked.iter().map(|unit| ranking.executes(unit, Some(&present))).collect()
    };
    assert_eq!(executing(&[0, 1, 2, 3]), [true, true, false, false], "nobody is missing");
    assert_eq!(executing(&[1, 2, 3]), [true, true, true, false], "the first always executes");
    assert_eq!(executing(&[0, 3]), [true, true, true, true], "whoever asks is up itself");
    assert_eq!(executing(&[]), [true; 4]);
    let outsiders = UnitSet::new([unit(8), unit(9)]);
    assert!(!ranking.executes(&unit(9), Some(&outsiders)), "an outsider is never trusted");
}

#[test]
fn an_acceptance_is_for_one_network_module_and_profile() {
    let profile = Profile::v1().id();
    assert!(acceptance().holds(NETWORK, &module(), &profile));
    assert!(!acceptance().holds(NetworkId::from_bytes([0; 32]), &module(), &profile));
    assert!(!acceptance().holds(NETWORK, &ModuleId::of(b""), &profile));
    assert!(!acceptance().holds(NETWORK, &module(), &ProfileId::from_bytes([0; 32])));
    let claimed = Acceptance { unit: unit(OTHER_COMPUTE), ..acceptance() };
    assert!(!claimed.holds(NETWORK, &module(), &profile));
    let by_other = Acceptance::sign(&key(OTHER_COMPUTE), NETWORK, &module(), &profile);
    assert!(by_other.holds(NETWORK, &module(), &profile));
    assert_ne!(by_other, acceptance());
}
