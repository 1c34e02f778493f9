use super::*;

fn player(number: u8) -> ActorRef<PingPong> {
    PingPong::at(ProcessId::from_bytes([number; 32]))
}

/// Delivers balls between players 0 and 1 until none is in the air.
fn play(players: &mut [PingPong; 2], rounds: u64) -> u64 {
    let cx = Context::mock().in_process(player(0));
    players[0].start(&cx, player(1), rounds).unwrap();
    let mut flying = cx.tells();
    let mut delivered = 0;
    while let Some(tell) = flying.pop() {
        let (from, to) = if tell.target == player(1).id() { (0, 1) } else { (1, 0) };
        let cx = Context::mock().in_process(player(to)).sent_by(player(from));
        assert_eq!(tell.method, "ball");
        players[usize::from(to)].ball(&cx, tell.arg("left").unwrap()).unwrap();
        delivered += 1;
        flying.extend(cx.tells());
    }
    delivered
}

#[test]
fn a_game_has_as_many_balls_as_rounds() {
    let mut players = [PingPong::new(), PingPong::new()];
    assert_eq!(play(&mut players, 1_000), 1_000);
    assert_eq!((players[0].count(), players[1].count()), (500, 500));
    assert_eq!((players[0].last(), players[1].last()), (Some(0), Some(1)));
}

#[test]
fn a_game_needs_a_round() {
    assert!(PingPong::new().start(&Context::mock(), player(1), 0).is_err());
}

#[test]
fn only_the_peer_throws() {
    let mut one = PingPong::new();
    assert!(one.ball(&Context::mock(), 5).is_err(), "an account");
    one.ball(&Context::mock().sent_by(player(2)), 5).unwrap();
    let stranger = Context::mock().sent_by(player(3));
    assert!(one.ball(&stranger, 5).is_err(), "another process");
    assert_eq!((one.count(), stranger.tells()), (1, vec![]));
}
