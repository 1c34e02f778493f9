//! Which checkpoints of a process are kept. Pure.
//!
//! The newest ones, so that damage costs little, and older ones ever further apart, so that any
//! past state is a bounded replay away in proportion to its age.

/// The newest checkpoints that always stay.
const NEWEST: usize = 2;

/// The slots of which no checkpoint is needed any more, if at most `kept` may stay. `slots` are in
/// order.
pub(super) fn surplus(slots: &[u64], kept: usize) -> Vec<u64> {
    let mut left = slots.to_vec();
    let mut gone = Vec::new();
    while left.len() > kept.max(NEWEST) {
        let newest = left.last().copied().unwrap_or(0);
        let last = left.len().saturating_sub(NEWEST);
        // The gap that would open, in proportion to how long ago it was.
        let cost = |index: usize| {
            let before = index.checked_sub(1).and_then(|index| left.get(index)).copied();
            let (slot, after) = (left.get(index)?, left.get(index.checked_add(1)?)?);
            let gap = after.saturating_sub(before.unwrap_or(0));
            let age = newest.saturating_sub(*slot).max(1);
            Some(u128::from(gap).saturating_mul(1 << 32) / u128::from(age))
        };
        let Some(index) = (0..last).min_by_key(|index| cost(*index)) else { break };
        gone.push(left.remove(index));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_the_others_thin_out_with_age() {
        let mut kept: Vec<u64> = Vec::new();
        for slot in (0..100_000).step_by(100) {
            kept.push(slot);
            let gone = surplus(&kept, 8);
            kept.retain(|slot| !gone.contains(slot));
            assert!(kept.len() <= 8);
            let newest = kept.iter().rev().take(NEWEST).copied();
            assert!(newest.eq((0..NEWEST as u64).map_while(|n| slot.checked_sub(100 * n))));
        }
        let oldest = *kept.first().unwrap();
        assert!(oldest < 70_000, "{kept:?}");
    }

    #[test]
    fn two_stay_at_least() {
        assert_eq!(surplus(&[1, 2, 3], 0), [1]);
        assert_eq!(surplus(&[1, 2], 1), Vec::<u64>::new());
        assert_eq!(surplus(&[], 4), Vec::<u64>::new());
    }
}
