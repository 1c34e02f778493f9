use antiphon::prelude::*;

#[derive(Serialize, Event)]
struct Moved(u64);

fn main() {}
