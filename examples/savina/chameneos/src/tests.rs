use antiphon::Sim;

use super::*;

#[test]
fn each_meeting_is_counted_by_two() {
    for seed in 0..5 {
        let mut sim = Sim::seeded(seed);
        let mall = sim.spawn::<Chameneos>(args! {});
        assert_eq!(sim.send(mall.run(5, 100)), Ok(100), "seed {seed}");
        assert_eq!(sim.send(mall.run(2, 7)), Ok(7), "seed {seed}");
        assert_eq!(sim.send(mall.run(3, 0)), Ok(0), "seed {seed}");
    }
}

#[test]
fn one_creature_meets_nobody() {
    let mut sim = Sim::seeded(1);
    let mall = sim.spawn::<Chameneos>(args! {});
    assert!(sim.send(mall.run(1, 5)).is_err());
}

#[test]
fn two_that_meet_have_one_colour_afterwards() {
    let all = [Color::Blue, Color::Red, Color::Yellow];
    for (one, other) in all.into_iter().flat_map(|one| all.map(|other| (one, other))) {
        let after = complement(one, other);
        assert_eq!(after, complement(other, one));
        assert_eq!(after == one, one == other);
    }
}
