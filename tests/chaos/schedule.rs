//! What happens to the units, and when: all of it from a seed.

use std::{thread, time::Duration};

use crate::cluster::{COUNT, Cluster};

/// Numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Begins with a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a bound.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    fn unit(&mut self) -> usize {
        usize::try_from(self.below(COUNT as u64)).unwrap()
    }

    /// Milliseconds between two bounds.
    pub(crate) const fn span(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }
}

/// Something that happens to units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill { unit: usize, wipe: bool },
    Suspend { unit: usize },
    Cut { from: usize, to: usize, both: bool },
}

impl Fault {
    fn draw(random: &mut Random) -> Self {
        let unit = random.unit();
        // One of the others.
        let other = (unit + 1 + usize::try_from(random.below(COUNT as u64 - 1)).unwrap()) % COUNT;
        match random.below(10) {
            0..6 => Self::Kill { unit, wipe: random.below(3) == 0 },
            6..8 => Self::Suspend { unit },
            _ => Self::Cut { from: unit, to: other, both: random.below(2) == 0 },
        }
    }

    fn touches(self, other: Self) -> bool {
        let units = |fault| match fault {
            Self::Kill { unit, .. } | Self::Suspend { unit } => [unit, unit],
            Self::Cut { from, to, .. } => [from, to],
        };
        units(self).iter().any(|unit| units(other).contains(unit))
    }

    fn describe(self, cluster: &Cluster) -> String {
        let name = |unit| cluster.name(unit);
        match self {
            Self::Kill { unit, wipe } if wipe && cluster.is_messenger(unit) => {
                format!("{} is killed and loses its database", name(unit))
            }
            Self::Kill { unit, .. } => format!("{} is killed", name(unit)),
            Self::Suspend { unit } => format!("{} is suspended", name(unit)),
            Self::Cut { from, to, both: true } => {
                format!("{} and {} are cut", name(from), name(to))
            }
            Self::Cut { from, to, .. } => format!("{} to {} is cut", name(from), name(to)),
        }
    }

    fn happen(self, cluster: &mut Cluster) {
        match self {
            Self::Kill { unit, wipe } => cluster.kill(unit, wipe),
            Self::Suspend { unit } => cluster.suspend(unit),
            Self::Cut { from, to, both } => {
                cluster.cut(from, to);
                if both {
                    cluster.cut(to, from);
                }
            }
        }
    }

    fn end(self, cluster: &mut Cluster) {
        match self {
            Self::Kill { unit, .. } => cluster.start_unit(unit),
            Self::Suspend { unit } => cluster.resume(unit),
            Self::Cut { from, to, both } => {
                cluster.heal(from, to);
                if both {
                    cluster.heal(to, from);
                }
            }
        }
    }
}

/// A row of faults.
pub(crate) struct Schedule {
    seed: u64,
    random: Random,
}

impl Schedule {
    /// The schedule of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, random: Random::new(seed) }
    }

    /// What it was made from.
    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Lets everything happen until so many kills have.
    pub(crate) fn run(&mut self, cluster: &mut Cluster, kills: usize) {
        let mut killed = 0;
        while killed < kills {
            let faults = self.draw();
            killed += faults.iter().filter(|fault| matches!(fault, Fault::Kill { .. })).count();
            let said: Vec<_> = faults.iter().map(|fault| fault.describe(cluster)).collect();
            let (calm, span) = (self.random.span(50, 700), self.random.span(50, 1_200));
            eprintln!("chaos: {killed}/{kills}: {} for {span:?}", said.join("; "));
            thread::sleep(calm);
            faults.iter().for_each(|fault| fault.happen(cluster));
            thread::sleep(span);
            faults.iter().for_each(|fault| fault.end(cluster));
        }
    }

    /// One fault, or two at once of different units.
    fn draw(&mut self) -> Vec<Fault> {
        let mut faults = vec![Fault::draw(&mut self.random)];
        if self.random.below(3) == 0 {
            let second = Fault::draw(&mut self.random);
            if !second.touches(faults[0]) {
                faults.push(second);
            }
        }
        faults
    }
}
