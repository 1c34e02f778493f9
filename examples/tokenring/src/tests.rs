use antiphon::Sim;

use super::*;

#[test]
fn tokens_go_round_and_arrive_in_order() {
    for seed in 0..10 {
        let mut sim = Sim::seeded(seed);
        let head = sim.spawn::<TokenRing>(args! {});
        assert_eq!(sim.send(head.build(4)), Ok(5));
        sim.send(head.start(0, 20, 10)).unwrap();
        sim.send(head.start(20, 20, 10)).unwrap();
        sim.run();
        assert_eq!(sim.view(&head.arrived()), Ok((0..40).collect()), "seed {seed}");
        let nodes = sim.view(&head.nodes()).unwrap();
        assert_eq!(nodes.len(), 4);
        for node in nodes.iter().chain([&head]) {
            assert_eq!(sim.view(&node.passed()), Ok(80), "seed {seed}");
        }
    }
}

#[test]
fn a_ring_of_one_passes_to_itself() {
    let mut sim = Sim::seeded(1);
    let head = sim.spawn::<TokenRing>(args! {});
    assert!(sim.send(head.start(0, 1, 1)).is_err(), "it is not built");
    assert_eq!(sim.send(head.build(0)), Ok(1));
    sim.send(head.start(7, 1, 3)).unwrap();
    sim.run();
    assert_eq!(sim.view(&head.arrived()), Ok(vec![7]));
    assert_eq!(sim.view(&head.passed()), Ok(3));
    assert!(sim.send(head.start(7, 1, 0)).is_err());
}

#[test]
fn a_ring_is_built_once_and_is_not_too_large() {
    let mut sim = Sim::seeded(1);
    let head = sim.spawn::<TokenRing>(args! {});
    assert!(sim.send(head.build(NODES_MAX + 1)).is_err());
    assert_eq!(sim.send(head.build(NODES_MAX)), Ok(u64::from(NODES_MAX) + 1));
    assert!(sim.send(head.build(1)).is_err());
    assert_eq!(sim.processes().count(), 1 + NODES_MAX as usize);
}
