//! Savina's chameneos: creatures meet two by two in a mall, and take the third colour of two.
//!
//! The mall pairs whoever asks to meet: the first of a pair waits for its answer until the second
//! comes. A creature keeps its colour in an async method, for as long as it lives.

use std::time::Duration;

use antiphon::prelude::*;

/// The most creatures.
pub const CREATURES_MAX: u32 = 300;

/// How long a creature lives, and waits for another, at the most.
const PATIENCE: Duration = secs(60 * 60);

/// A colour of a creature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Color {
    /// Blue.
    Blue,
    /// Red.
    Red,
    /// Yellow.
    Yellow,
}

/// A mall, or one of its creatures.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Chameneos {
    /// How many meetings there can still be, in a mall.
    left: u64,
    /// The creature that waits for another.
    waiting: Option<(Color, OpenCall<Option<Color>>)>,
}

#[actor]
impl Chameneos {
    /// A mall without meetings, or a creature.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has creatures meet so often; replies how many meetings they count.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        creatures: u32,
        meetings: u64,
    ) -> Result<u64, Error> {
        require!((2..=CREATURES_MAX).contains(&creatures), "2 to {CREATURES_MAX} creatures");
        this.with(|me| me.left = meetings);
        let mall = Self::own(&cx);
        let colors = [Color::Blue, Color::Red, Color::Yellow].into_iter().cycle();
        let lives = (0..creatures).zip(colors).map(|(_, color)| {
            let creature = cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
            creature.live(mall, color).deadline(PATIENCE).ask(&cx)
        });
        let mut met = 0;
        for life in join_all(lives).await {
            met += life?;
        }
        require!(met == 2 * meetings, "the creatures met {met} others in {meetings} meetings");
        Ok(met / 2)
    }

    /// Meets others for as long as there are meetings; replies how many. A creature does so.
    pub async fn live(
        _this: State<Self>,
        cx: Context,
        mall: ActorRef<Self>,
        mut color: Color,
    ) -> Result<u64, Error> {
        let mut met = 0;
        while let Some(other) = mall.meet(color).deadline(PATIENCE).ask(&cx).await? {
            color = complement(color, other);
            met += 1;
        }
        Ok(met)
    }

    /// Waits for another creature; replies its colour, or nothing if there are no more meetings. A
    /// mall does so.
    pub fn meet(&mut self, cx: &Context, color: Color) -> Later<Option<Color>> {
        if self.left == 0 {
            return Later::now(None);
        }
        let Some((other, call)) = self.waiting.take() else {
            let (call, later) = cx.reply_later();
            self.waiting = Some((color, call));
            return later;
        };
        call.reply(cx, Some(color));
        self.left -= 1;
        Later::now(Some(other))
    }
}

/// The colour that a creature has after it has met another.
fn complement(mine: Color, other: Color) -> Color {
    use Color::{Blue, Red, Yellow};
    match (mine, other) {
        (Blue, Blue) | (Red, Yellow) | (Yellow, Red) => Blue,
        (Red, Red) | (Blue, Yellow) | (Yellow, Blue) => Red,
        (Yellow, Yellow) | (Blue, Red) | (Red, Blue) => Yellow,
    }
}

#[cfg(test)]
mod tests;
