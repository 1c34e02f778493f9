//! One operation of the API, as it is routed and as it is described.

use axum::{
    handler::Handler,
    routing::{self, MethodRouter},
};

use super::super::Shared;

/// The status of an answer that is not a failure, what it says, and of which media type and schema
/// it is.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Content {
    pub(in super::super) status: u16,
    pub(in super::super) says: &'static str,
    pub(in super::super) media: &'static str,
    pub(in super::super) schema: &'static str,
}

/// A parameter of the query string or a header.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Parameter {
    pub(in super::super) name: &'static str,
    /// `query` or `header`.
    pub(in super::super) place: &'static str,
    pub(in super::super) says: &'static str,
    pub(in super::super) takes: Takes,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Takes {
    /// A number from the first to the second, and what it is if it is left out.
    Number(u64, u64, Option<u64>),
    /// An identifier with this prefix.
    Id(&'static str),
}

/// One method of one address.
#[derive(Debug)]
pub(in super::super) struct Operation {
    /// In lower case.
    pub(in super::super) method: &'static str,
    /// With `{name}` for parts that are parameters.
    pub(in super::super) path: &'static str,
    /// What generated clients call it.
    pub(in super::super) id: &'static str,
    pub(in super::super) says: &'static str,
    pub(in super::super) parameters: &'static [Parameter],
    /// Media types that the body may have, and their schemas.
    pub(in super::super) body: &'static [(&'static str, &'static str)],
    pub(in super::super) answers: Vec<Content>,
    /// The statuses of failures that are to be expected, beside those that any request can have.
    pub(in super::super) fails: &'static [u16],
    /// Whether it may wait for something to happen.
    pub(in super::super) waits: bool,
    pub(super) handler: MethodRouter<Shared>,
}

impl Operation {
    pub(super) fn get<T: 'static>(
        (path, id): (&'static str, &'static str),
        says: &'static str,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        Self::new(("get", path, id), says, routing::get(handler))
    }

    pub(super) fn post<T: 'static>(
        (path, id): (&'static str, &'static str),
        says: &'static str,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        Self::new(("post", path, id), says, routing::post(handler))
    }

    fn new(
        (method, path, id): (&'static str, &'static str, &'static str),
        says: &'static str,
        handler: MethodRouter<Shared>,
    ) -> Self {
        let (parameters, body, fails): (&[_], &[_], &[_]) = (&[], &[], &[]);
        let answers = Vec::new();
        Self { method, path, id, says, parameters, body, answers, fails, waits: false, handler }
    }

    pub(super) fn takes(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    pub(super) fn body(self, body: &'static [(&'static str, &'static str)]) -> Self {
        Self { body, ..self }
    }

    /// An answer in JSON.
    pub(super) fn gives(self, status: u16, schema: &'static str, says: &'static str) -> Self {
        self.gives_as("application/json", status, schema, says)
    }

    pub(super) fn gives_as(
        mut self,
        media: &'static str,
        status: u16,
        schema: &'static str,
        says: &'static str,
    ) -> Self {
        self.answers.push(Content { status, says, media, schema });
        self
    }

    pub(super) fn fails(self, fails: &'static [u16]) -> Self {
        Self { fails, ..self }
    }

    pub(super) fn waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// The names of the parameters in the path.
    pub(in super::super) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0))
    }
}
