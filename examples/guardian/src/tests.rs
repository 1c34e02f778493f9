use antiphon::Sim;

use super::*;

fn guarded(seed: u64, workers: u32) -> (Sim, ActorRef<Guardian>) {
    let mut sim = Sim::seeded(seed);
    let guardian = sim.spawn::<Guardian>(args! { workers: workers });
    (sim, guardian)
}

#[test]
fn workers_take_turns() {
    let (mut sim, guardian) = guarded(1, 3);
    assert_eq!(sim.processes().count(), 4);
    for number in 0..10 {
        assert_eq!(sim.send(guardian.run(number)), Ok(u64::from(number).pow(2)));
    }
    sim.pass(secs(60));
    assert_eq!(sim.view(&guardian.restarts()), Ok(0), "nobody failed");
}

#[test]
fn a_worker_that_does_not_answer_is_replaced() {
    for seed in 0..5 {
        let (mut sim, guardian) = guarded(seed, 3);
        let before = sim.view(&guardian.workers()).unwrap();
        sim.send(before[1].jam()).unwrap();
        assert_eq!(sim.send(guardian.run(5)), Ok(25), "another one does the work");
        sim.pass(secs(10));
        let after = sim.view(&guardian.workers()).unwrap();
        assert_eq!((after[0], after[2]), (before[0], before[2]));
        assert_ne!(after[1], before[1]);
        assert_eq!(sim.view(&guardian.restarts()), Ok(1));
        for number in 0..3 {
            assert!(sim.send(guardian.run(number)).is_ok());
        }
    }
}

#[test]
fn a_worker_out_of_reach_is_replaced_too() {
    let (mut sim, guardian) = guarded(1, 2);
    let workers = sim.view(&guardian.workers()).unwrap();
    sim.cut_off(workers[0]);
    sim.pass(secs(10));
    assert_eq!(sim.view(&guardian.restarts()), Ok(1));
}

#[test]
fn a_guardian_gives_up_on_those_who_always_fail() {
    let (mut sim, guardian) = guarded(1, 1);
    for restarts in 0..=RESTARTS_MAX {
        assert_eq!(sim.view(&guardian.restarts()), Ok(restarts));
        let worker = sim.view(&guardian.workers()).unwrap()[0];
        sim.send(worker.jam()).unwrap();
        sim.pass(secs(10));
    }
    assert_eq!(sim.view(&guardian.restarts()), Ok(RESTARTS_MAX));
    assert_eq!(sim.view(&guardian.on_duty()), Ok(false));
    assert_eq!(sim.send(guardian.run(1)).unwrap_err().detail(), "no worker answers");
}

#[test]
fn only_the_timer_looks_after_workers() {
    let (mut sim, guardian) = guarded(1, 1);
    assert!(sim.send(guardian.look_after()).is_err());
    assert!(Guardian::default().jam(&Context::mock().sent_by(guardian)).is_err());
}
