use antiphon::prelude::*;

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

    fn get(&self) -> u64 {
        self.n
    }
}

fn main() {}
