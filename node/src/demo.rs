//! The demonstration: one week of real earthquakes through fourteen actors, checked against totals
//! computed from the file.

mod feed;
mod quakes;
mod report;

use antiphon_client::{Client, ClientError};

pub(crate) use feed::Figures;
use quakes::Totals;

/// Why the demonstration ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The earthquakes cannot be read.
    #[error("the earthquakes that come with the program cannot be read: {0}")]
    Data(#[from] csv::Error),
    /// The network did not do its part.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Actors answered with something else than their schema says.
    #[error("an actor's answer cannot be read: {0}")]
    Answer(String),
    /// The actors disagree with the file.
    #[error("the actors disagree with the file:\n{0}")]
    Differs(String),
}

/// What the demonstration found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// What the actors say, as tables for people.
    pub(crate) tables: String,
    /// How fast it went.
    pub(crate) figures: Figures,
}

/// Spawns the actors, feeds them every earthquake, and compares what they say with the file.
///
/// # Errors
///
/// [`DemoError::Differs`] if the actors disagree with the file, otherwise what went wrong.
pub(crate) async fn run(
    client: &Client,
    progress: &indicatif::ProgressBar,
) -> Result<Findings, DemoError> {
    let events = quakes::read()?;
    let expected = Totals::of(&events);
    let actors = feed::spawn(client, &expected).await?;
    let figures = feed::feed(client, &actors, &events, progress).await?;
    let found = feed::collect(client, &actors, &expected).await?;
    let differences = expected.differences(&found);
    if differences.is_empty() {
        Ok(Findings { tables: report::tables(&found), figures })
    } else {
        Err(DemoError::Differs(differences.join("\n")))
    }
}
