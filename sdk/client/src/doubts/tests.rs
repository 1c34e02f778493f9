use super::*;

const A: UnitId = UnitId::from_bytes([1; 32]);
const B: UnitId = UnitId::from_bytes([2; 32]);
const C: UnitId = UnitId::from_bytes([3; 32]);

#[test]
fn units_in_doubt_come_last_until_they_answer_or_time_has_passed() {
    let (doubts, now) = (Doubts::default(), Instant::now());
    let order = |now| {
        let mut units = [A, B, C];
        doubts.order(now, &mut units);
        units
    };
    doubts.doubt(now, A);
    doubts.doubt(now, B);
    assert_eq!(order(now), [C, A, B], "the rank counts among them");
    doubts.trust(&B);
    assert_eq!(order(now), [B, C, A]);
    assert_eq!(order(now + Doubts::LAST), [A, B, C]);
}
