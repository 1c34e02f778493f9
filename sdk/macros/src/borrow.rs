//! Finds borrows of the state that an async method would keep across an `await`. The compiler finds
//! them too, but does not say what to do.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::method::refuse;

/// Refuses `state.with(..)` around anything that waits.
pub(crate) fn check(body: TokenStream, state: &Ident) -> syn::Result<()> {
    // The three tokens before the one at hand.
    let mut before: [Option<TokenTree>; 3] = [None, None, None];
    for token in body {
        if let TokenTree::Group(group) = &token {
            let inside = group.stream();
            let is_call = group.delimiter() == Delimiter::Parenthesis && is_with(&before, state);
            if let Some(keeps) = is_call.then(|| kept(inside.clone())).flatten() {
                return Err(refuse(
                    keeps,
                    format!(
                        "no borrow of the state can cross an `await`: read what you need in \
                         `{state}.with(..)`, await outside of it, then call `{state}.with(..)` again"
                    ),
                ));
            }
            check(inside, state)?;
        }
        let [_, second, third] = before;
        before = [second, third, Some(token)];
    }
    Ok(())
}

/// Whether the tokens are `state.with`.
fn is_with(tokens: &[Option<TokenTree>; 3], state: &Ident) -> bool {
    match tokens {
        [
            Some(TokenTree::Ident(receiver)),
            Some(TokenTree::Punct(dot)),
            Some(TokenTree::Ident(method)),
        ] => receiver == state && dot.as_char() == '.' && method == "with",
        _ => false,
    }
}

/// What keeps the borrow that a closure is given: something that waits, or the closure itself where
/// it gives the borrow back.
fn kept(closure: TokenStream) -> Option<Ident> {
    let tokens: Vec<TokenTree> = closure.clone().into_iter().collect();
    match &*tokens {
        [
            TokenTree::Punct(_),
            TokenTree::Ident(borrow),
            TokenTree::Punct(_),
            TokenTree::Ident(given),
        ] if borrow == given => Some(given.clone()),
        _ => waiting(closure),
    }
}

/// The first word that makes something wait.
fn waiting(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "await" || ident == "async" => Some(ident),
        TokenTree::Group(group) => waiting(group.stream()),
        _ => None,
    })
}
