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

    #[only(Self::may)]
    fn reset(&mut self) {
        self.n = 0;
    }
}

impl Counter {
    fn may(&self, _cx: &ViewContext) -> u64 {
        self.n
    }
}

fn main() {}
