use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    fn new(n: u64) -> Self {
        Self { n }
    }
}

fn main() {}
