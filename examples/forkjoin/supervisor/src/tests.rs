use antiphon::Sim;

use super::*;

#[test]
fn a_job_is_split_and_joined() {
    for seed in 0..10 {
        let mut sim = Sim::seeded(seed);
        let (supervisor, module) = (sim.spawn::<Supervisor>(args! {}), sim.module::<Worker>());
        assert_eq!(sim.send(supervisor.sum(module.clone(), 10, 10)), Ok(4_950));
        assert_eq!(sim.send(supervisor.sum(module, 0, 10)), Ok(0));
        assert_eq!(sim.view(&supervisor.done()), Ok(2));
        assert_eq!(sim.processes().count(), 11);
    }
}

#[test]
fn workers_that_are_kept_are_asked_again() {
    let mut sim = Sim::seeded(3);
    let (supervisor, module) = (sim.spawn::<Supervisor>(args! {}), sim.module::<Worker>());
    assert_eq!(sim.send(supervisor.hire(module.clone(), 10)), Ok(10));
    for done in 1..4 {
        assert_eq!(sim.send(supervisor.sum_by_kept(10)), Ok(4_950));
        assert_eq!(sim.view(&supervisor.done()), Ok(done));
    }
    assert_eq!(sim.processes().count(), 11);
    assert_eq!(sim.send(supervisor.hire(module, 1)).unwrap_err().code(), Error::REFUSED);
}

#[test]
fn a_part_that_fails_fails_the_job() {
    let mut sim = Sim::seeded(1);
    let (supervisor, module) = (sim.spawn::<Supervisor>(args! {}), sim.module::<Worker>());
    assert_eq!(
        sim.send(supervisor.sum(module, 3, worker::PART_MAX + 1)).unwrap_err().code(),
        Error::REFUSED
    );
    assert_eq!(sim.view(&supervisor.done()), Ok(0));
}

#[test]
fn workers_of_no_module_are_not_born() {
    let mut sim = Sim::seeded(1);
    let supervisor = sim.spawn::<Supervisor>(args! {});
    let unknown = ModuleRef::new(
        antiphon::ModuleId::from_bytes([9; 32]),
        sim.module::<Worker>().acceptance(),
    );
    assert_eq!(sim.send(supervisor.sum(unknown, 2, 2)).unwrap_err().code(), "not-born");
}
