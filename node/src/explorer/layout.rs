//! The frame around every page.

use maud::{DOCTYPE, Markup, html};
use protocol::NetworkId;

use super::show::brief;

/// What a page is called and which outcomes concern it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) network: &'a NetworkId,
    pub(crate) title: &'a str,
    /// What stands in the search field.
    pub(crate) query: &'a str,
    pub(crate) live: Live<'a>,
}

/// Which outcomes make a page read itself again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Live<'a> {
    /// None: the page never changes.
    No,
    /// Those of any process.
    All,
    /// Those of these processes, separated by spaces.
    Of(&'a str),
}

/// A whole page.
pub(crate) fn page(frame: Frame<'_>, main: &Markup) -> Markup {
    let Frame { network, title, query, live } = frame;
    let watched = match live {
        Live::No => None,
        Live::All => Some("*"),
        Live::Of(processes) => Some(processes),
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Antiphon" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/style.css";
                script type="module" src="/assets/live.js" {}
            }
            body data-live=[watched] {
                a.skip href="#main" { "Skip to content" }
                header {
                    div.bar {
                        a.brand href="/" { img src="/assets/icon.svg" alt="" width="24" height="24"; "Antiphon" }
                        nav aria-label="Pages" {
                            a href="/" { "Network" }
                            a href="/processes" { "Processes" }
                            a href="/units" { "Units" }
                            a href="/outbox" { "Outbox" }
                            a href="/api" { "API" }
                        }
                        form role="search" action="/search" {
                            label.hidden for="q" { "Search" }
                            input #q type="search" name="q" value=(query) maxlength="128"
                                placeholder="Process name or any identifier" autocomplete="off"
                                spellcheck="false";
                            button type="submit" { "Search" }
                        }
                        @if watched.is_some() {
                            span #live .live role="status" hidden { "connecting" }
                        }
                    }
                }
                main #main { (main) }
                footer { "Network " (brief(network)) " · antiphon " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}
