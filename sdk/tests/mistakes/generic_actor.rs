use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter<T> {
    n: T,
}

fn main() {}
