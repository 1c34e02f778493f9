use antiphon::Sim;

use super::*;

fn pipeline(seed: u64, stages: u32, room: u32, pace: u64) -> (Sim, ActorRef<Pipeline>) {
    let mut sim = Sim::seeded(seed);
    let args = args! { stages: stages, room: room, pace: pace };
    let first = sim.spawn::<Pipeline>(args);
    (sim, first)
}

#[test]
fn items_come_out_in_order_with_the_work_of_each_stage_done() {
    for seed in 0..10 {
        let (mut sim, first) = pipeline(seed, 5, 2, 10);
        assert_eq!(sim.processes().count(), 5);
        sim.send(first.feed(50)).unwrap();
        sim.pass(secs(10));
        assert_eq!(sim.view(&first.out()), Ok((5..55).collect()), "seed {seed}");
    }
}

#[test]
fn no_stage_holds_more_than_it_has_room_for() {
    let (mut sim, first) = pipeline(3, 4, 2, 10);
    sim.send(first.feed(100)).unwrap();
    sim.pass(secs(10));
    for stage in sim.processes().collect::<Vec<_>>() {
        let most = sim.view(&Pipeline::at(stage).most()).unwrap();
        assert!(most <= 2, "{most}");
    }
}

#[test]
fn a_slow_stage_holds_up_whoever_feeds() {
    let (mut sim, first) = pipeline(3, 3, 1, 1_000);
    let last = {
        let second = sim.view(&first.next()).unwrap().unwrap();
        sim.view(&second.next()).unwrap().unwrap()
    };
    sim.cut_off(last);
    let fed = sim.post(first.feed(100));
    sim.pass(secs(600));
    assert_eq!(sim.reply(&fed), None, "nothing moves on");
    sim.reach(last);
    sim.pass(secs(600));
    assert_eq!(sim.reply(&fed), Some(Ok(())));
    assert_eq!(sim.view(&first.out()).unwrap().len(), 100);
}

#[test]
fn only_the_stage_itself_works() {
    let (mut sim, first) = pipeline(1, 1, 1, 1);
    assert!(sim.send(first.work()).is_err());
}
