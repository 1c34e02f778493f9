use std::fs;

use notify::{
    Event,
    event::{AccessKind, CreateKind, Flag, ModifyKind},
};

use super::*;

fn event(kind: EventKind, path: &str) -> bool {
    counts(&Event::new(kind).add_path(path.into()), Path::new("/shop/src"))
}

#[test]
fn what_is_compiled_counts() {
    let modified = EventKind::Modify(ModifyKind::Any);
    assert!(event(modified, "/shop/src/lib.rs"));
    assert!(event(EventKind::Create(CreateKind::File), "/shop/src/a/b.json"));
    assert!(event(modified, "/shop/Cargo.toml"));
    assert!(event(modified, "/shop/build.rs"));
}

#[test]
fn what_cargo_does_to_the_crate_does_not_count() {
    let modified = EventKind::Modify(ModifyKind::Any);
    assert!(!event(modified, "/shop/Cargo.lock"));
    assert!(!event(EventKind::Create(CreateKind::Folder), "/shop/target"));
    assert!(!event(EventKind::Access(AccessKind::Read), "/shop/src/lib.rs"));
}

#[test]
fn where_events_were_lost_anything_may_have_changed() {
    let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert!(counts(&lost, Path::new("/shop/src")));
}

#[tokio::test]
async fn a_change_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("src")).unwrap();
    let changes = Changes::of(directory.path()).unwrap();
    for file in ["src/lib.rs", "Cargo.toml"] {
        fs::write(directory.path().join(file), "").unwrap();
        changes.next().await;
    }
}
