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

    fn wait(&mut self, until: std::time::Instant) {
        drop(until);
    }
}

fn main() {}
