use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    #[init]
    fn new(n: u64) -> Self {
        Self { n }
    }

    #[migrate]
    fn from_v1(n: u64) -> Self {
        Self { n }
    }
}

fn main() {}
