use antiphon::Sim;

use super::*;

/// A message of somebody.
fn by(number: u8) -> Context {
    Context::mock().sent_by(AccountId::from_bytes([number; 32]))
}

fn numbers(posts: &[Post]) -> Vec<u64> {
    posts.iter().map(|post| post.number).collect()
}

#[test]
fn members_post_and_everybody_reads() {
    let mut sim = Sim::seeded(1);
    let room = sim.spawn::<Chat>(args! { topic: "rust" });
    assert!(sim.send(room.post("hello?".into())).is_err(), "not a member yet");
    sim.send(room.join("ann".into())).unwrap();
    sim.pass(secs(5));
    assert_eq!(sim.send(room.post("hello".into())), Ok(0));
    let (author, text) = ("ann".to_owned(), "hello".to_owned());
    let post = Post { number: 0, time: Timestamp::new(5_000), author, text };
    assert_eq!(sim.view(&room.history(None)), Ok(vec![post]));
    sim.send(room.leave()).unwrap();
    assert!(sim.send(room.post("bye".into())).is_err());
    assert_eq!(sim.view(&room.members()), Ok(vec![]));
}

#[test]
fn a_name_has_one_bearer() {
    let mut room = Chat::new("rust".into());
    room.join(&by(1), "ann".into()).unwrap();
    assert!(room.join(&by(2), "ann".into()).is_err());
    room.join(&by(1), "anne".into()).unwrap();
    room.join(&by(2), "ann".into()).unwrap();
    assert!(room.join(&by(3), String::new()).is_err());
    assert_eq!(room.members(), ["anne", "ann"]);
}

#[test]
fn history_is_read_page_by_page_to_its_beginning() {
    let mut room = Chat::new("rust".into());
    room.join(&by(1), "ann".into()).unwrap();
    for number in 0..120 {
        assert_eq!(room.post(&by(1), format!("post {number}")), Ok(number));
    }
    let mut read = Vec::new();
    let mut before = None;
    loop {
        let page = room.history(before);
        let Some(first) = page.first() else { break };
        before = Some(first.number);
        read.splice(0..0, numbers(&page));
    }
    assert_eq!(read, (0..120).collect::<Vec<_>>());
}

#[test]
fn the_oldest_posts_go_first() {
    let mut room = Chat::new("rust".into());
    room.join(&by(1), "ann".into()).unwrap();
    for _ in 0..POSTS_MAX + 10 {
        room.post(&by(1), "again".into()).unwrap();
    }
    assert_eq!(numbers(&room.history(Some(15))), [10, 11, 12, 13, 14]);
    assert_eq!(room.history(Some(10)), []);
    assert_eq!(room.history(None).len(), PAGE_MAX);
}

#[test]
fn whoever_follows_sees_what_happens() {
    let (mut room, cx) = (Chat::new("rust".into()), by(1));
    room.join(&cx, "ann".into()).unwrap();
    room.post(&cx, "hello".into()).unwrap();
    room.leave(&cx);
    room.leave(&cx);
    assert_eq!(cx.effects().len(), 3, "join, post, leave");
}
