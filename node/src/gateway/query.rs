//! What addresses and query strings say, read strictly and with limits.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::explorer::{facts::Problem, fault::Fault};

/// Reads an identifier from an address.
pub(super) fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| {
        let hint = "Check the address for a typing error, or search.";
        Problem::new(Fault::BadParameter, error.to_string(), hint)
    })
}

/// A number that is neither too small nor too large.
pub(super) fn bounded<T: Copy + PartialOrd + Display>(
    name: &str,
    number: T,
    least: T,
    most: T,
) -> Result<T, Problem> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let detail = format!("{name} is a number from {least} to {most}.");
    Err(Problem::new(Fault::BadParameter, detail, "Ask for less, or more than once."))
}

/// A query string that is a `T`, or why it is none.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) Result<T, Problem>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Query::try_from_uri(&parts.uri).map(|Query(asked)| asked).map_err(|error| {
            let hint = "Numbers are written in decimal digits.";
            Problem::new(Fault::BadParameter, error.body_text(), hint)
        })))
    }
}
