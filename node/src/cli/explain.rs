//! `explain`: the page of an error code.

use clap::Args;
use serde::Serialize;

use super::{completing, options::Globals};
use crate::{
    arguments::nearest,
    error::NodeError,
    explain::{Page, find, pages},
    output::table,
};

/// Explain an error code: what happened, what it means, what to do, and an example.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code's word or number [default: list all]
    #[arg(add = completing::codes())]
    code: Option<String>,
}

#[derive(Debug, Serialize)]
struct Pages {
    pages: Vec<Page>,
}

impl Explain {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let Some(code) = self.code else {
            let pages = pages();
            let rows: Vec<Vec<String>> = pages.iter().map(row).collect();
            return globals.output().print(&Pages { pages }, || table(&rows));
        };
        let found = find(&code);
        if found.is_empty() {
            let all = pages();
            let near = nearest(&code, all.iter().map(|page| page.word.as_str()));
            let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            return Err(NodeError::usage(format!(
                "no error `{code}`{near} (`antiphon explain` lists all)"
            )));
        }
        let texts: Vec<String> = found.iter().map(Page::text).collect();
        globals.output().print(&Pages { pages: found }, || texts.join("\n\n\n"))
    }
}

fn row(page: &Page) -> Vec<String> {
    let first = page.happened.split_once(". ").map_or(page.happened.as_str(), |(first, _)| first);
    let first = first.trim_end_matches('.').to_owned();
    vec![page.number.to_string(), page.word.clone(), first]
}
