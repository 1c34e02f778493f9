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

    fn add(&mut self, by: u64) -> Result<u64, std::num::TryFromIntError> {
        self.n += u64::from(u32::try_from(by)?);
        Ok(self.n)
    }
}

fn main() {}
