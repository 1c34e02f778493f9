//! What cannot be shown, and what to do about it.

use maud::{Markup, html};

use super::{facts::Problem, show::plain};

/// The most characters of a detail, which units may have written.
const DETAIL_MAX: usize = 500;

/// A page about a problem.
pub(crate) fn page(problem: &Problem) -> Markup {
    let headline = match problem.status {
        400 => "That cannot be read",
        404 => "Not found",
        502..=504 => "The network does not answer",
        _ => "Something went wrong",
    };
    html! { h1 { (headline) } (note(problem)) p { a href="/" { "To the network" } } }
}

/// A problem in the middle of a page.
pub(crate) fn note(problem: &Problem) -> Markup {
    html! {
        div.problem role="note" {
            p { code.code { (plain(&problem.code, 60)) } " " (plain(&problem.detail, DETAIL_MAX)) }
            p.quiet { (problem.hint) }
        }
    }
}
