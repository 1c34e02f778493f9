use antiphon::Sim;

use super::*;

#[test]
fn the_number_of_solutions_is_the_one_that_is_known() {
    let mut sim = Sim::seeded(1);
    let queens = sim.spawn::<Queens>(args! {});
    for (size, workers, placed) in
        [(0, 1, 0), (1, 1, 1), (4, 2, 1), (6, 4, 2), (8, 5, 3), (3, 1, 9)]
    {
        assert_eq!(sim.send(queens.run(size, workers, placed)), Ok(SOLUTIONS[size]), "{size}");
    }
    assert!(sim.send(queens.run(SOLUTIONS.len(), 1, 1)).is_err(), "too large");
}

#[test]
fn a_worker_goes_on_from_a_placement() {
    assert_eq!(Queens::new().solve(4, vec![1]), Ok(1));
    assert_eq!(Queens::new().solve(4, vec![0]), Ok(0));
    assert!(!is_free(&[1], 0) && !is_free(&[1], 1) && is_free(&[1], 3));
}
