//! What the baseline measures: messages to an actor of the SDK and to one that is written by hand. The
//! test of the gas and the bench of the time both go by it.

use std::fmt::Write;

use antiphon::{Stage, prelude::*};
use antiphon_testing::Wasm;
use baseline::Baseline;
use protocol::{Gas, Reply, abi::SCHEMA_SECTION};

/// The actor that is written by hand.
const EMPTY: &str = include_str!("../../../../examples/baseline/empty.wat");

/// How many entries there are before one more is inserted.
const ENTRIES: u64 = 1_000_000;

/// Entries that a message inserts beforehand.
const PIECE: u64 = 20_000;

/// What the actor that is written by hand is to its callers.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written;

#[actor]
impl Written {
    /// Begins.
    #[init]
    fn new() -> Self {
        Self
    }

    /// Does nothing.
    fn nothing(&mut self) {}
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An empty message to the actor that is written by hand.
    Written,
    /// An empty message.
    Empty,
    /// A message with an argument of 1 KiB.
    Kibibyte,
    /// A message whose method asks another process: its slot, that of the ask, and that of the
    /// answer.
    Ask,
    /// A message that inserts an entry among a million.
    Insert,
}

impl Subject {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Written, Self::Empty, Self::Kibibyte, Self::Ask, Self::Insert];

    /// What it is called in the baseline.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Written => "empty message, actor written by hand",
            Self::Empty => "empty message",
            Self::Kibibyte => "argument of 1 KiB",
            Self::Ask => "ask and its answer",
            Self::Insert => "insert among 1,000,000 entries",
        }
    }
}

/// The processes that are measured, all on one stage: one thread executes them.
pub(crate) struct Subjects {
    stage: Wasm,
    written: ActorRef<Written>,
    actor: ActorRef<Baseline>,
    peer: ActorRef<Baseline>,
    full: ActorRef<Baseline>,
    inserted: u64,
}

impl Subjects {
    /// Spawns them, and fills one.
    pub(crate) fn new() -> Self {
        let mut stage =
            Wasm::seeded(1).with::<Baseline>(example_modules::BASELINE).with::<Written>(&written());
        let [actor, peer, full] = [(); 3].map(|()| stage.spawn::<Baseline>(args! {}));
        for from in 0..ENTRIES / PIECE {
            stage.send(full.insert(from * PIECE, PIECE)).expect("there is room for the entries");
        }
        let written = stage.spawn::<Written>(args! {});
        Self { stage, written, actor, peer, full, inserted: ENTRIES }
    }

    /// Sends a message. Nothing runs yet.
    pub(crate) fn post(&mut self, subject: Subject) {
        let stage = &mut self.stage;
        let _reply = match subject {
            Subject::Written => stage.post(self.written.nothing()),
            Subject::Empty => stage.post(self.actor.nothing()),
            Subject::Kibibyte => stage.post(self.actor.take("x".repeat(1_024))),
            Subject::Ask => stage.post(self.actor.ask(self.peer)),
            Subject::Insert => {
                self.inserted += 1;
                stage.post(self.full.insert(self.inserted - 1, 1))
            }
        };
    }

    /// Executes what was sent, and what comes of it.
    pub(crate) fn run(&mut self) {
        self.stage.run();
    }

    /// The gas of one such message: of all the slots that it takes.
    pub(crate) fn gas(&mut self, subject: Subject) -> u64 {
        // What is made once is made.
        for _ in 0..10 {
            self.post(subject);
            self.run();
        }
        let before = self.used(subject);
        self.post(subject);
        self.run();
        self.used(subject) - before
    }

    /// The gas that all slots of the processes of a subject have used.
    fn used(&mut self, subject: Subject) -> u64 {
        let stage = &mut self.stage;
        let outcomes = match subject {
            Subject::Written => stage.outcomes(self.written),
            Subject::Empty | Subject::Kibibyte => stage.outcomes(self.actor),
            Subject::Ask => {
                let asked = stage.outcomes(self.peer);
                stage.outcomes(self.actor).into_iter().chain(asked).collect()
            }
            Subject::Insert => stage.outcomes(self.full),
        };
        let failed = outcomes.iter().find(|outcome| matches!(outcome.reply, Reply::Failure(_)));
        assert!(failed.is_none(), "{}: {failed:?}", subject.name());
        outcomes.iter().map(|outcome| Gas::get(outcome.gas)).sum()
    }
}

/// The module that is written by hand, with the schema that its callers know.
fn written() -> Vec<u8> {
    let schema = Written::SCHEMA.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").expect("a string takes all text");
        text
    });
    let end = EMPTY.trim_end().strip_suffix(')').expect("a module ends with a parenthesis");
    let text = format!("{end}\n(@custom \"{SCHEMA_SECTION}\" \"{schema}\"))");
    wat::parse_str(text).expect("the actor is valid text")
}
