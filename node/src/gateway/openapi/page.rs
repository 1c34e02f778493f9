//! The list of all operations for people.

use axum::{extract::State, response::Response};
use maud::{Markup, html};

use super::super::{
    Shared,
    api::{Operation, Takes, operations},
    pages,
};
use crate::explorer::layout::Live;

/// `/api`
pub(in super::super) async fn page(State(shared): State<Shared>) -> Response {
    pages::show(&shared, "API", Live::No, &list(&operations(), shared.signs()))
}

fn list(operations: &[Operation], signs: bool) -> Markup {
    html! {
        h1 { "API" }
        p.lead {
            "For programs: " a href="/api/v1/openapi.json" { "openapi.json" } " describes all of this. "
            @if signs { "This gateway signs calls with a key for development." }
            @else { "This gateway signs nothing: messages come signed." }
        }
        div.scroll {
            table.cards {
                thead { tr {
                    th scope="col" { "Address" } th scope="col" { "What it does" }
                    th scope="col" { "Takes" } th scope="col" { "Gives" }
                } }
                tbody { @for operation in operations { (row(operation)) } }
            }
        }
        p.quiet {
            "Failures are " code.code { "{\"error\": {\"code\", \"number\", \"detail\"}}" }
            ". Metrics for Prometheus are at " a href="/metrics" { "/metrics" } "."
        }
    }
}

fn row(operation: &Operation) -> Markup {
    let bodies = operation.body.iter().map(|(media, schema)| format!("{schema} as {media}"));
    let parameters = operation.parameters.iter().map(|parameter| {
        let usual = match parameter.takes {
            Takes::Number(_, _, Some(usual)) => format!(" [{usual}]"),
            Takes::Number(_, _, None) | Takes::Id(_) => String::new(),
        };
        format!("{}{usual}", parameter.name)
    });
    let takes: Vec<String> = bodies.chain(parameters).collect();
    let gives = operation.answers.iter().map(|content| match content.schema {
        "" => content.status.to_string(),
        schema => format!("{} {schema}", content.status),
    });
    let gives: Vec<String> = gives.collect();
    html! {
        tr id=(operation.id) {
            td data-label="Address" {
                code.code { (operation.method.to_uppercase()) " " (operation.path) }
            }
            td data-label="What it does" { (operation.says) }
            td data-label="Takes" { (takes.join(", ")) }
            td data-label="Gives" { (gives.join(", ")) }
        }
    }
}
