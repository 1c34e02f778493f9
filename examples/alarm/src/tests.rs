use antiphon::Sim;

use super::*;

#[test]
fn it_rings_once_or_again_and_again_until_it_is_cancelled() {
    let mut sim = Sim::seeded(3);
    let alarm = sim.spawn::<Alarm>(args! {});
    sim.send(alarm.once(1_000)).unwrap();
    sim.pass(secs(10));
    assert_eq!(sim.view(&alarm.rings()), Ok(1));
    sim.send(alarm.every(1_000, true)).unwrap();
    sim.pass(millis(5_500));
    assert_eq!(sim.view(&alarm.rings()), Ok(6));
    sim.send(alarm.cancel()).unwrap();
    sim.pass(secs(10));
    assert_eq!(sim.view(&alarm.rings()), Ok(6));
}

#[test]
fn whoever_listens_is_woken_or_told_why_not() {
    let mut sim = Sim::seeded(4);
    let (alarm, sleeper) = (sim.spawn::<Alarm>(args! {}), sim.spawn::<Alarm>(args! {}));
    sim.send(alarm.once(2_000)).unwrap();
    assert_eq!(sim.send(sleeper.listen(alarm, 10_000)), Ok(1));
    assert_eq!(sim.send(sleeper.listen(alarm, 10_000)).unwrap_err().code(), "expired");
    assert!(sim.send(alarm.ring()).is_err(), "only the timer rings");
}
