//! `doctor`: whether everything is set up as it should be.

use std::{fs, path::Path, time::UNIX_EPOCH};

use antiphon_client::UnitReport;
use clap::Args;
use protocol::Timestamp;
use serde::Serialize;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    clock,
    cluster::DataDirectory,
    doctor::{Finding, Level, Seen, judge_units, look_at_files, look_at_machine, look_at_places},
    error::NodeError,
    output::{
        colour::{self, paint},
        count, printable,
    },
};

/// Check the data directory, the cluster on it and this machine, and say what mends what is wrong.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Carry out the mends that cannot lose anything: modes of files, files left behind
    #[arg(long)]
    fix: bool,
}

#[derive(Debug, Serialize)]
struct Findings {
    well: bool,
    findings: Vec<Finding>,
}

impl Doctor {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let data = globals.data()?;
        let mut findings = Vec::new();
        if data.path().exists() {
            findings.extend(look_at_files(&data)?);
            findings.extend(look_at_places(&data)?);
            findings.extend(ask(globals, &data).await);
        } else {
            findings.push(Finding::missing(data.path()));
        }
        // The disk is the one on which the directory will be made.
        let there = data.path().ancestors().find(|path| path.exists());
        let there = there.unwrap_or_else(|| Path::new("."));
        findings.extend(look_at_machine(there, clock::now(), newest(&data)));
        if self.fix {
            findings.iter_mut().for_each(Finding::fix);
        }
        let wrong = findings.iter().filter(|finding| finding.level == Level::Wrong).count();
        let found = Findings { well: wrong == 0, findings };
        let output = globals.output();
        output.print(&found, || text(&found.findings, output.has_colours()))?;
        match u64::try_from(wrong).unwrap_or(u64::MAX) {
            0 => Ok(()),
            wrong => Err(NodeError::Unwell(format!("{} must be mended", count(wrong, "finding")))),
        }
    }
}

/// Asks the units, if any run.
async fn ask(globals: &Globals, data: &DataDirectory) -> Vec<Finding> {
    let Ok(true) = data.is_running() else { return Vec::new() };
    let session = match Session::open(globals, Access::Read).await {
        Ok(session) => session,
        Err(error) => return vec![Finding::unreachable(&error)],
    };
    let seen: Vec<Seen> = session.client.status().await.into_iter().map(seen).collect();
    judge_units(session.client.network(), &seen)
}

fn seen(report: UnitReport) -> Seen {
    let UnitReport { record, status } = report;
    let software = status.map(|status| status.software).map_err(|error| error.to_string());
    let kind = record.role.word().to_owned();
    Seen { kind, unit: record.unit, network: record.network, software }
}

/// When a file of the data directory was written last.
fn newest(data: &DataDirectory) -> Option<Timestamp> {
    let written = fs::read_dir(data.path()).ok()?.flatten().filter_map(|entry| {
        let since = entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    });
    written.max().map(Timestamp::new)
}

/// A line for each finding, with the mend below.
fn text(findings: &[Finding], colours: bool) -> String {
    let lines = findings.iter().map(|finding| {
        let (style, mark) = match finding.level {
            Level::Fine => (colour::FINE, "fine  "),
            Level::Note => (colour::NOTE, "note  "),
            Level::Mended => (colour::NOTE, "mended"),
            Level::Wrong => (colour::WRONG, "wrong "),
        };
        let mark = paint(colours, style, mark);
        let mut text = format!("{mark}  {:<10}  {}", finding.check, printable(&finding.what));
        if let Some(mend) = &finding.mend {
            text.push_str(&format!("\n                    {}", printable(mend)));
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}
