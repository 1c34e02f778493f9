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

    #[migrate(from = 1)]
    fn from_v1(&mut self, n: u64) {
        self.n = n;
    }
}

fn main() {}
