use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    fn get(&self) -> u64 {
        self.n
    }
}

fn main() {}
