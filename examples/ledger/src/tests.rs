use antiphon::Sim;
use proptest::prelude::*;

use super::*;

fn holder(number: u8) -> Principal {
    AccountId::from_bytes([number; 32]).into()
}

/// A message of somebody; of the controller, if it is 0.
fn by(number: u8) -> Context {
    Context::mock().controlled_by(holder(0)).sent_by(holder(number))
}

#[test]
fn tokens_move_and_cannot_be_spent_twice() {
    let mut sim = Sim::seeded(1);
    let ledger = sim.spawn::<Ledger>(args! { name: "drachma", supply: 100 });
    assert_eq!(sim.send(ledger.transfer(holder(7), 30)), Ok(70));
    assert_eq!(sim.send(ledger.transfer(holder(7), 71)).unwrap_err().code(), Error::REFUSED);
    assert_eq!(sim.view(&ledger.balance(holder(7))), Ok(30));
    let holders = vec![(Sim::CLIENT.into(), 70), (holder(7), 30)];
    assert_eq!(sim.view(&ledger.holders(None)), Ok(holders.clone()));
    assert_eq!(sim.view(&ledger.holders(Some(holders[0].0))), Ok(holders[1..].to_vec()));
}

#[test]
fn a_spender_moves_what_the_owner_allows_and_no_more() {
    let mut ledger = Ledger::new(&by(0), "drachma".into(), 100);
    ledger.approve(&by(0), holder(1), 40);
    assert_eq!(ledger.transfer_from(&by(1), holder(0), holder(2), 30), Ok(10));
    assert!(ledger.transfer_from(&by(1), holder(0), holder(2), 11).is_err(), "not allowed");
    assert!(ledger.transfer_from(&by(2), holder(0), holder(2), 1).is_err(), "somebody else");
    ledger.approve(&by(2), holder(1), 100);
    assert!(ledger.transfer_from(&by(1), holder(2), holder(1), 31).is_err(), "not there");
    assert_eq!(ledger.allowance(holder(2), holder(1)), 100, "what failed used nothing up");
    assert_eq!((ledger.balance(holder(0)), ledger.balance(holder(2))), (70, 30));
}

#[test]
fn only_the_controller_makes_tokens() {
    let mut ledger = Ledger::new(&by(0), "drachma".into(), u64::MAX - 1);
    assert!(ledger.mint(&by(1), holder(1), 1).is_err());
    assert_eq!(ledger.mint(&by(0), holder(1), 1), Ok(u64::MAX));
    assert!(ledger.mint(&by(0), holder(1), 1).is_err(), "it does not fit");
}

#[test]
fn whoever_follows_sees_each_transfer() {
    let (mut ledger, cx) = (Ledger::new(&by(0), "drachma".into(), 100), by(0));
    ledger.transfer(&cx, holder(1), 5).unwrap();
    assert_eq!(cx.effects().len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Transfer(u8, u8, u64),
    Approve(u8, u8, u64),
    TransferFrom(u8, u8, u8, u64),
    Mint(u8, u8, u64),
    Burn(u8, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, amount) = (0..4_u8, prop_oneof![0..150_u64, Just(u64::MAX)]);
    prop_oneof![
        (who.clone(), who.clone(), amount.clone()).prop_map(|(a, b, n)| Step::Transfer(a, b, n)),
        (who.clone(), who.clone(), amount.clone()).prop_map(|(a, b, n)| Step::Approve(a, b, n)),
        (who.clone(), who.clone(), who.clone(), amount.clone())
            .prop_map(|(a, b, c, n)| Step::TransferFrom(a, b, c, n)),
        (who.clone(), who.clone(), amount.clone()).prop_map(|(a, b, n)| Step::Mint(a, b, n)),
        (who, amount).prop_map(|(a, n)| Step::Burn(a, n)),
    ]
}

proptest! {
    #[test]
    fn balances_add_up_to_the_supply_whatever_is_done(steps in prop::collection::vec(step(), 0..50)) {
        let mut ledger = Ledger::new(&by(0), "drachma".into(), 100);
        for step in steps {
            // Refused or not: neither may lose a token or make one.
            let _ = match step {
                Step::Transfer(a, b, n) => ledger.transfer(&by(a), holder(b), n),
                Step::Approve(a, b, n) => { ledger.approve(&by(a), holder(b), n); Ok(n) }
                Step::TransferFrom(a, b, c, n) => {
                    ledger.transfer_from(&by(a), holder(b), holder(c), n)
                }
                Step::Mint(a, b, n) => ledger.mint(&by(a), holder(b), n),
                Step::Burn(a, n) => ledger.burn(&by(a), n),
            };
            let total: u128 = ledger.balances.values().map(|balance| u128::from(*balance)).sum();
            prop_assert_eq!(total, u128::from(ledger.supply));
            prop_assert!(ledger.balances.values().all(|balance| *balance > 0));
        }
    }
}
