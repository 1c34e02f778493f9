use super::*;

/// Number, and next slot, epoch, time and chain hash.
type Head = (u64, (u64, u64, u64, [u8; 32]));

#[test]
fn the_sum_depends_on_every_field_and_not_on_the_order() {
    let (one, other) = ((1, (2, 3, 4, [5; 32])), (2, (2, 3, 4, [5; 32])));
    let sum = |rows: &[Head]| {
        let mut sum = Sum::default();
        rows.iter().for_each(|(number, head)| sum.toggle_head(*number, *head));
        sum.get()
    };
    assert_eq!(sum(&[one, other]), sum(&[other, one]));
    assert_eq!(sum(&[one, other, one]), sum(&[other]), "what is taken away is gone");
    let changed = [
        (2, (2, 3, 4, [5; 32])),
        (1, (3, 3, 4, [5; 32])),
        (1, (2, 2, 4, [5; 32])),
        (1, (2, 3, 5, [5; 32])),
        (1, (2, 3, 4, [6; 32])),
    ];
    changed.iter().for_each(|changed| assert_ne!(sum(&[one]), sum(&[*changed])));
    let mut pair = Sum::default();
    pair.toggle_pair((1, [5; 32]), 2);
    assert_ne!(pair.get(), 0);
}
