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

    fn rename(&mut self, name: &str) {
        self.n = name.len() as u64;
    }
}

fn main() {}
