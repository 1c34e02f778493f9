use antiphon::Sim;

use super::*;

fn somebody(number: u8) -> Principal {
    AccountId::from_bytes([number; 32]).into()
}

fn sent_by(number: u8) -> Context {
    Context::mock().sent_by(somebody(number))
}

/// A ledger on which somebody has so many tokens.
fn with_tokens(owner: u8, amount: u64) -> Ledger {
    let mut ledger = Ledger::new("TOK".to_owned()).unwrap();
    ledger.mint(&Context::mock(), somebody(owner), amount).unwrap();
    ledger
}

#[test]
fn tokens_are_minted_and_move() {
    let mut sim = Sim::seeded(1);
    let ledger = sim.spawn::<Ledger>(args! { symbol: "TOK" });
    let client = Principal::from(Sim::CLIENT);
    assert_eq!(sim.send(ledger.mint(client, 100)), Ok(100));
    assert_eq!(sim.send(ledger.transfer(somebody(2), 30)), Ok(70));
    assert_eq!(sim.view(&ledger.balance(client)), Ok(70));
    assert_eq!(sim.view(&ledger.balance(somebody(2))), Ok(30));
    assert_eq!(sim.send(ledger.burn(70)), Ok(30));
}

#[test]
fn only_the_controller_mints() {
    let mut ledger = with_tokens(1, 100);
    assert!(ledger.mint(&sent_by(1), somebody(1), 5).is_err());
    assert!(ledger.mint(&Context::mock(), somebody(1), u64::MAX).is_err());
    assert_eq!(ledger.supply(), 100);
}

#[test]
fn tokens_that_are_not_there_do_not_move() {
    let mut ledger = with_tokens(1, 100);
    assert!(ledger.transfer(&sent_by(1), somebody(2), 101).is_err());
    assert!(ledger.transfer(&sent_by(3), somebody(2), 1).is_err());
    assert!(ledger.burn(&sent_by(1), 101).is_err());
    assert_eq!(ledger.balance(somebody(1)), 100);
}

#[test]
fn an_allowance_is_used_up() {
    let mut ledger = with_tokens(1, 100);
    ledger.approve(&sent_by(1), somebody(2), 50);
    assert_eq!(ledger.transfer_from(&sent_by(2), somebody(1), somebody(3), 30), Ok(70));
    assert_eq!(ledger.allowance(somebody(1), somebody(2)), 20);
    assert!(ledger.transfer_from(&sent_by(2), somebody(1), somebody(3), 21).is_err());
    assert!(ledger.transfer_from(&sent_by(3), somebody(1), somebody(3), 1).is_err());
    ledger.approve(&sent_by(1), somebody(2), 0);
    assert!(ledger.transfer_from(&sent_by(2), somebody(1), somebody(3), 1).is_err());
}

#[test]
fn an_allowance_of_more_than_there_is_stays() {
    let mut ledger = with_tokens(1, 10);
    ledger.approve(&sent_by(1), somebody(2), 50);
    assert!(ledger.transfer_from(&sent_by(2), somebody(1), somebody(3), 11).is_err());
    assert_eq!(ledger.allowance(somebody(1), somebody(2)), 50);
}

#[test]
fn what_moves_is_an_event() {
    let mut ledger = with_tokens(1, 10);
    let cx = sent_by(1);
    ledger.transfer(&cx, somebody(2), 4).unwrap();
    assert_eq!(cx.effects().len(), 1);
    assert!(ledger.transfer(&cx, somebody(2), 7).is_err());
    assert_eq!(cx.effects().len(), 1);
}

#[test]
fn the_balances_always_sum_up_to_the_supply() {
    let mut random = 7_u64;
    let mut below = |end: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % end
    };
    let mut ledger = with_tokens(0, 1_000);
    for _ in 0..10_000 {
        let mut who = || u8::try_from(below(4)).unwrap();
        let (sender, a, b) = (who(), somebody(who()), somebody(who()));
        let amount = below(300);
        // Most of this is refused, which must change nothing.
        let _ = match below(5) {
            0 => ledger.mint(&Context::mock(), a, amount),
            1 => ledger.burn(&sent_by(sender), amount),
            2 => ledger.transfer(&sent_by(sender), a, amount),
            3 => ledger.transfer_from(&sent_by(sender), a, b, amount),
            _ => {
                ledger.approve(&sent_by(sender), a, amount);
                Ok(0)
            }
        };
        assert_eq!(ledger.balances.values().sum::<u64>(), ledger.supply());
        assert!(ledger.balances.values().all(|balance| *balance > 0));
    }
}
