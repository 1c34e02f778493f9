use antiphon::Sim;

use super::*;

fn sent_by(number: u8) -> Context {
    Context::mock().sent_by(AccountId::from_bytes([number; 32]))
}

/// A room with two members.
fn room() -> Room {
    let mut room = Room::new("weather".to_owned());
    room.join(&sent_by(1), "ann".to_owned()).unwrap();
    room.join(&sent_by(2), "bob".to_owned()).unwrap();
    room
}

#[test]
fn members_post_and_everybody_reads() {
    let mut sim = Sim::seeded(1);
    let room = sim.spawn::<Room>(args! { topic: "weather" });
    sim.send(room.join("ann".to_owned())).unwrap();
    assert_eq!(sim.send(room.post("it rains".to_owned())), Ok(0));
    assert_eq!(sim.send(room.post("still".to_owned())), Ok(1));
    let posts = sim.view(&room.history(0, 10)).unwrap();
    let texts: Vec<_> = posts.iter().map(|post| (post.name.as_str(), post.text.as_str())).collect();
    assert_eq!(texts, [("ann", "it rains"), ("ann", "still")]);
    assert_eq!(sim.view(&room.history(1, 10)).unwrap(), posts[1..]);
    assert_eq!(sim.view(&room.history(0, 1)).unwrap(), posts[..1]);
}

#[test]
fn only_members_post() {
    let mut room = room();
    assert_eq!(room.post(&sent_by(3), "hello".to_owned()).unwrap_err().code(), "not-a-member");
    room.leave(&sent_by(1)).unwrap();
    assert!(room.post(&sent_by(1), "hello".to_owned()).is_err());
    assert!(room.leave(&sent_by(1)).is_err());
    assert_eq!(room.members(), ["bob"]);
}

#[test]
fn a_name_belongs_to_one_member() {
    let mut room = room();
    assert_eq!(room.join(&sent_by(3), "ann".to_owned()).unwrap_err().code(), "name-taken");
    room.join(&sent_by(1), "anna".to_owned()).unwrap();
    room.join(&sent_by(3), "ann".to_owned()).unwrap();
    assert_eq!(room.members().len(), 3);
}

#[test]
fn texts_and_names_have_a_length() {
    let mut room = room();
    for text in [String::new(), "x".repeat(TEXT_MAX + 1)] {
        assert!(room.post(&sent_by(1), text).is_err());
    }
    for name in [String::new(), "x".repeat(NAME_MAX + 1)] {
        assert!(room.join(&sent_by(3), name).is_err());
    }
}

#[test]
fn what_happens_is_an_event() {
    let mut room = room();
    let cx = sent_by(1);
    room.post(&cx, "it rains".to_owned()).unwrap();
    room.leave(&cx).unwrap();
    assert_eq!(cx.effects().len(), 2);
}

#[test]
fn a_room_remembers_the_latest_posts() {
    let mut room = room();
    for number in 0..=HISTORY_MAX {
        room.post(&sent_by(1), number.to_string()).unwrap();
    }
    let posts = room.history(0, u32::MAX);
    assert_eq!(posts.len(), HISTORY_MAX);
    assert_eq!(posts[0].number, 1);
}
