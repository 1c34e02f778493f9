use antiphon::prelude::*;

#[derive(ActorError)]
struct Failed;

fn main() {}
