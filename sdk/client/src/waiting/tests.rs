use protocol::{PairNumber, RefusalCode};

use super::*;

fn unit(byte: u8) -> UnitId {
    UnitId::from_bytes([byte; 32])
}

fn pair(source: u8, state: WaitingState) -> WaitingPair {
    let (source, target) = (ProcessId::from_bytes([source; 32]), ProcessId::from_bytes([99; 32]));
    WaitingPair { source, target, number: PairNumber::ZERO, slot: None, count: 1, state }
}

fn page(total: u64, pairs: Vec<WaitingPair>) -> Result<OutboxPage, ClientError> {
    Ok(OutboxPage { pairs, total, timers: 2 })
}

/// Units below 10 are of one operator, each of the others of one of its own.
fn operator(unit: &UnitId) -> Option<OperatorId> {
    let byte = unit.as_bytes()[0];
    Some(OperatorId::from_bytes([byte.max(9); 32]))
}

const RETRYING: WaitingState =
    WaitingState::Retrying { reason: RefusalCode::Unreachable, retry_in: 5 };
const BLOCKED: WaitingState = WaitingState::Blocked(RefusalCode::TooLarge);

#[test]
fn what_messengers_share_is_added_and_what_others_repeat_is_not() {
    let answers = vec![
        (unit(1), page(10, vec![pair(1, RETRYING), pair(2, WaitingState::Moving)])),
        (unit(2), page(5, vec![pair(3, BLOCKED), pair(4, RETRYING)])),
        (unit(20), page(14, vec![pair(1, RETRYING), pair(4, WaitingState::Moving)])),
    ];
    let Merged { waiting, answered } = merge(answers, operator);
    assert!(answered);
    let told: Vec<_> =
        waiting.pairs.iter().map(|(unit, pair)| (*unit, pair.source.as_bytes()[0])).collect();
    assert_eq!(told, [(unit(2), 3), (unit(1), 1), (unit(2), 4), (unit(1), 2)]);
    assert_eq!((waiting.total, waiting.timers), (15, 4));
}

#[test]
fn who_does_not_answer_is_named_and_nobody_is_an_error() {
    let lost = || Err(ClientError::unreachable("gone"));
    let answers = vec![(unit(1), lost()), (unit(2), page(0, vec![]))];
    let Merged { waiting, answered } = merge(answers, operator);
    assert!(answered);
    assert_eq!(waiting.missing.len(), 1);
    assert!(!merge(vec![(unit(1), lost())], operator).answered);
}
