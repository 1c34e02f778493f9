//! One method of an actor, read from its signature.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use protocol::schema::MethodKind;
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItemFn, PathArguments, Receiver, ReturnType, Signature,
    Type, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::{
    borrow, docs,
    guard::Guard,
    input::{ASYNC_STATE, Form, Input, input, takes_evidence},
};

/// Names that an `ActorRef` needs for itself: a call of such a method would not reach the stub.
const RESERVED: [&str; 10] = [
    "id",
    "clone",
    "clone_from",
    "clone_into",
    "eq",
    "ne",
    "into",
    "try_into",
    "to_owned",
    "serialize",
];

/// A method that others can call.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) kind: MethodKind,
    /// Whether it takes evidence, and is called by nobody.
    pub(crate) assigned: bool,
    /// Whether it may wait.
    pub(crate) waits: bool,
    pub(crate) inputs: Vec<Input>,
    /// What a reply is, without the error.
    pub(crate) returns: Type,
    /// Where it says what it returns, or where it has its name.
    pub(crate) place: Span,
    /// The error, if it returns a `Result`: `Error` where that has one argument.
    pub(crate) error: Option<Type>,
    /// Whether it returns a `Later`, which may be in a `Result`.
    pub(crate) later: bool,
    /// Who may call it, if not everybody.
    pub(crate) guard: Option<Guard>,
    pub(crate) docs: Vec<Attribute>,
}

impl Method {
    /// Reads a method; takes `#[init]`, `#[assigned]` and `#[only(..)]` from it.
    pub(crate) fn parse(function: &mut ImplItemFn, actor: &Ident) -> syn::Result<Self> {
        let init = take_attribute(function, "init");
        let assigned = take_attribute(function, "assigned");
        let guard = Guard::take(function)?;
        if let Some(cfg) = function.attrs.iter().find(|attribute| attribute.path().is_ident("cfg"))
        {
            return Err(refuse(
                cfg,
                "a method of an actor cannot be conditional: the schema has it",
            ));
        }
        let signature = &function.sig;
        check_signature(signature)?;
        let kind = kind(signature, init)?;
        let waits = signature.asyncness.is_some();
        check_name(&signature.ident, kind)?;
        let inputs = inputs(signature, if waits { Form::Async } else { Form::Plain(kind) })?;
        for input in &inputs {
            if let Input::State(Some(state)) = input {
                borrow::check(function.block.to_token_stream(), state)?;
            }
        }
        let Returns { ty: returns, error, later } = returns(&signature.output);
        if later && (waits || kind != MethodKind::Message) {
            return Err(refuse(
                &signature.output,
                "only a message with `&mut self` leaves its reply for later: an async method replies \
                 when it ends, a view at once",
            ));
        }
        if kind == MethodKind::Init && !is_actor(&returns, actor) {
            let why =
                format!("`#[init]` returns `Self` or `Result<Self, E>`, where `Self` is `{actor}`");
            return Err(refuse(signature, why));
        }
        if kind == MethodKind::Init && guard.is_some() {
            let why = "`#[init]` has no guard: whoever spawns the process calls it";
            return Err(refuse(signature, why));
        }
        if assigned && (kind != MethodKind::Message || waits || !takes_evidence(&inputs)) {
            return Err(refuse(
                signature,
                "`#[assigned]` goes on a message with `&mut self` whose one argument is an `Evidence`",
            ));
        }
        Ok(Self {
            ident: signature.ident.clone(),
            kind,
            assigned,
            waits,
            inputs,
            returns,
            place: match &signature.output {
                ReturnType::Default => signature.ident.span(),
                ReturnType::Type(_, ty) => ty.span(),
            },
            error,
            later,
            guard,
            docs: function
                .attrs
                .iter()
                .filter(|attribute| docs::is_doc(attribute))
                .cloned()
                .collect(),
        })
    }

    /// Whether it returns a `Result`.
    pub(crate) fn fallible(&self) -> bool {
        self.error.is_some()
    }

    /// The name that callers use.
    pub(crate) fn name(&self) -> String {
        unraw(&self.ident)
    }

    /// The arguments that callers give.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Context | Input::State(_) => None,
            Input::Argument(ident, ty) => Some((ident, &**ty)),
        })
    }
}

/// Takes an attribute of this name from a function; tells whether it was there.
fn take_attribute(function: &mut ImplItemFn, name: &str) -> bool {
    let attributes = function.attrs.len();
    function.attrs.retain(|attribute| !attribute.path().is_ident(name));
    function.attrs.len() < attributes
}

/// Writes `actor` where a type says `Self`, for use outside of the actor's impl block.
pub(crate) fn without_self(tokens: TokenStream, actor: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => actor.clone(),
            TokenTree::Group(group) => {
                let inner = without_self(group.stream(), actor);
                TokenTree::Group(Group::new(group.delimiter(), inner)).into()
            }
            other => other.into(),
        })
        .collect()
}

fn check_name(ident: &Ident, kind: MethodKind) -> syn::Result<()> {
    let name = unraw(ident);
    if kind != MethodKind::Init && RESERVED.contains(&name.as_str()) {
        let why = format!(
            "`{name}` is reserved, because every `ActorRef` has a method of this name: name it \
             differently"
        );
        return Err(refuse(ident, why));
    }
    if name.starts_with("antiphon_") {
        let why =
            "names with `antiphon_` are reserved for the exports of a module: name it differently";
        return Err(refuse(ident, why));
    }
    Ok(())
}

fn check_signature(signature: &Signature) -> syn::Result<()> {
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return Err(refuse(
            &signature.generics,
            "a method of an actor has no generic parameters: callers send values, not types",
        ));
    }
    if let Some(token) = &signature.unsafety {
        return Err(refuse(token, "a method of an actor is safe: anybody calls it"));
    }
    if let Some(token) = &signature.abi {
        return Err(refuse(token, "a method of an actor is an ordinary Rust function"));
    }
    Ok(())
}

/// The parameters after the receiver.
fn inputs(signature: &Signature, form: Form) -> syn::Result<Vec<Input>> {
    let inputs = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Receiver(_) => None,
        FnArg::Typed(argument) => Some(input(&argument.pat, &argument.ty, form)),
    });
    let inputs = inputs.collect::<syn::Result<Vec<_>>>()?;
    if inputs.iter().filter(|input| matches!(input, Input::Context)).count() > 1 {
        return Err(refuse(&signature.inputs, "one context is enough"));
    }
    let states = inputs.iter().filter(|input| matches!(input, Input::State(_))).count();
    if matches!(form, Form::Async) && states != 1 {
        return Err(refuse(signature, ASYNC_STATE));
    }
    Ok(inputs)
}

fn kind(signature: &Signature, init: bool) -> syn::Result<MethodKind> {
    if let Some(token) = &signature.asyncness {
        return match (signature.receiver(), init) {
            (_, true) => Err(refuse(token, "`#[init]` makes the state at once: it is not async")),
            (Some(receiver), false) => Err(refuse(receiver, ASYNC_STATE)),
            (None, false) => Ok(MethodKind::Message),
        };
    }
    match (signature.receiver(), init) {
        (None, true) => Ok(MethodKind::Init),
        (Some(receiver), true) => {
            Err(refuse(receiver, "`#[init]` makes the state: it has no `self`"))
        }
        (None, false) => Err(refuse(
            &signature.ident,
            "a function without `self` is no method: mark it `#[init]`, or move it to an impl block \
             of its own without `#[actor]`",
        )),
        (Some(Receiver { reference: Some(_), colon_token: None, mutability, .. }), false) => {
            Ok(if mutability.is_some() { MethodKind::Message } else { MethodKind::View })
        }
        (Some(receiver), false) => Err(refuse(
            receiver,
            "the state outlives the call: take `&self` for a view or `&mut self` for a message",
        )),
    }
}

/// What a method gives back.
pub(crate) struct Returns {
    pub(crate) ty: Type,
    /// The error, if it is a `Result`.
    pub(crate) error: Option<Type>,
    later: bool,
}

/// Reads what a function returns.
pub(crate) fn returns(output: &ReturnType) -> Returns {
    let ReturnType::Type(_, ty) = output else {
        return Returns { ty: parse_quote!(()), error: None, later: false };
    };
    let (ty, error) = match &*arguments(ty, "Result") {
        [value, error, ..] => (*value, Some((*error).clone())),
        [value] => (*value, Some(parse_quote!(::antiphon::Error))),
        [] => (&**ty, None),
    };
    match &*arguments(ty, "Later") {
        [value, ..] => Returns { ty: (*value).clone(), error, later: true },
        [] => Returns { ty: ty.clone(), error, later: false },
    }
}

/// The arguments of the type, if it is one of this name.
fn arguments<'a>(ty: &'a Type, name: &str) -> Vec<&'a Type> {
    let Type::Path(path) = ty else { return Vec::new() };
    let last = path.path.segments.last().filter(|last| last.ident == name);
    let Some(PathArguments::AngleBracketed(arguments)) = last.map(|last| &last.arguments) else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Whether the type is the actor's own.
pub(crate) fn is_actor(ty: &Type, actor: &Ident) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Self" || last.ident == *actor)
}

/// An error at the place of some tokens.
pub(crate) fn refuse(tokens: impl ToTokens + Spanned, why: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(tokens, why)
}

/// The name without what marks it as no keyword.
pub(crate) fn unraw(ident: &Ident) -> String {
    IdentExt::unraw(ident).to_string()
}
