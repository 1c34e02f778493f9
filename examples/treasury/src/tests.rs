use antiphon::Sim;

use super::*;

fn member(number: u8) -> Principal {
    AccountId::from_bytes([number; 32]).into()
}

/// A message of a member.
fn by(number: u8) -> Context {
    Context::mock().sent_by(member(number))
}

/// A treasury with 100, of three members of whom the test is one, and an account with nothing.
fn founded(quorum: usize) -> (Sim, ActorRef<Treasury>, ActorRef<Bank>) {
    let mut sim = Sim::seeded(1);
    let members = vec![Sim::CLIENT.into(), member(2), member(3)];
    let args = args! { members: members, quorum: quorum, delay: 10_000 };
    let treasury = sim.spawn::<Treasury>(args);
    let donor = sim.spawn::<Bank>(args! { balance: 100 });
    sim.send(donor.transfer(Bank::at(treasury.id()), 100)).unwrap();
    let payee = sim.spawn::<Bank>(args! { balance: 0 });
    (sim, treasury, payee)
}

fn stage(sim: &mut Sim, treasury: ActorRef<Treasury>, number: u64) -> Stage {
    sim.view(&treasury.proposal(number)).unwrap().unwrap().stage
}

#[test]
fn what_has_a_quorum_is_paid_after_the_delay() {
    let (mut sim, treasury, payee) = founded(1);
    assert_eq!(sim.send(treasury.propose("a well".into(), payee, 60)), Ok(0));
    assert_eq!(sim.send(treasury.vote(0, true)), Ok(1));
    sim.pass(secs(9));
    assert_eq!(sim.view(&payee.balance()), Ok(0));
    sim.pass(secs(2));
    assert_eq!(sim.view(&payee.balance()), Ok(60));
    assert_eq!(sim.view(&treasury.funds()), Ok(40));
    assert_eq!(stage(&mut sim, treasury, 0), Stage::Paid);
    assert!(sim.send(treasury.vote(0, false)).is_err(), "too late");
}

#[test]
fn a_vote_that_is_taken_back_stops_the_payment() {
    let (mut sim, treasury, payee) = founded(1);
    sim.send(treasury.propose("a well".into(), payee, 60)).unwrap();
    sim.send(treasury.vote(0, true)).unwrap();
    sim.pass(secs(9));
    assert_eq!(sim.send(treasury.vote(0, false)), Ok(0));
    sim.pass(secs(20));
    assert_eq!(stage(&mut sim, treasury, 0), Stage::Open);
    assert_eq!(sim.view(&treasury.funds()), Ok(100));
}

#[test]
fn money_that_did_not_arrive_comes_back_and_money_in_doubt_does_not() {
    let (mut sim, treasury, payee) = founded(1);
    for title in ["refused", "in doubt", "too much"] {
        let amount = if title == "too much" { 41 } else { 60 };
        let number = sim.send(treasury.propose(title.into(), payee, amount)).unwrap();
        sim.send(treasury.vote(number, true)).unwrap();
        match title {
            "refused" => sim.refuse(payee),
            _ => sim.cut_off(payee),
        }
        sim.pass(secs(120));
        sim.reach(payee);
    }
    assert_eq!(stage(&mut sim, treasury, 0), Stage::Failed("refused".into()));
    assert_eq!(stage(&mut sim, treasury, 1), Stage::Doubtful("expired".into()));
    assert_eq!(stage(&mut sim, treasury, 2), Stage::Failed("no-funds".into()));
    assert_eq!(sim.view(&treasury.funds()), Ok(40));
}

#[test]
fn a_member_has_one_vote_and_a_stranger_none() {
    let members = BTreeSet::from([member(1), member(2), member(3)]);
    let mut treasury = Treasury::new(members, 2, 0).unwrap();
    let payee = Bank::at(ProcessId::from_bytes([9; 32]));
    assert!(treasury.propose(&by(4), "a party".into(), payee, 1).is_err());
    treasury.propose(&by(1), "a well".into(), payee, 1).unwrap();
    assert_eq!(treasury.vote(&by(1), 0, true), Ok(1));
    assert_eq!(treasury.vote(&by(1), 0, true), Ok(1));
    assert!(treasury.vote(&by(4), 0, true).is_err());
    assert_eq!(treasury.proposal(0).unwrap().stage, Stage::Open);
    assert_eq!(treasury.vote(&by(2), 0, true), Ok(2));
    assert!(matches!(treasury.proposal(0).unwrap().stage, Stage::Passed(_)));
    assert!(treasury.vote(&by(1), 7, true).is_err(), "no such proposal");
}

#[test]
fn only_the_timer_pays() {
    let (mut sim, treasury, payee) = founded(2);
    sim.send(treasury.propose("a well".into(), payee, 60)).unwrap();
    assert!(sim.send(treasury.execute(0)).is_err());
    assert_eq!(sim.view(&treasury.funds()), Ok(100));
}

#[test]
fn a_quorum_can_be_reached() {
    let members = BTreeSet::from([member(1), member(2)]);
    assert!(Treasury::new(members.clone(), 0, 0).is_err());
    assert!(Treasury::new(members, 3, 0).is_err());
}
