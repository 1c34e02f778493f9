//! What an impl block expands to: dispatch, stub methods, schema, and the exports of the module.

use proc_macro2::{Literal, Span, TokenStream};
use protocol::{abi, schema::MethodKind};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, Path, Type, spanned::Spanned};

use crate::{
    guard::Guard,
    input::Input,
    method::{Method, unraw},
    methods::Interface,
    schema, stub,
};

/// Everything that is added beside the impl block.
pub(crate) fn expand(interface: &Interface) -> TokenStream {
    let dispatch = dispatch(interface);
    let stub = stub::expand(&interface.actor, &interface.methods);
    let exports = exports(&interface.actor);
    quote! { #dispatch #stub #exports }
}

fn dispatch(interface: &Interface) -> TokenStream {
    let actor = &interface.actor;
    let schema = schema::encoded(interface);
    let init = init(&interface.init);
    let of = |kind| interface.methods.iter().filter(move |method| method.kind == kind);
    let messages = of(MethodKind::Message).filter(|method| !method.waits).map(message_arm);
    let views = of(MethodKind::View).map(arm);
    let start = start(interface);
    let assigned = interface.assigned.as_ref().map(assigned);
    let upgrades = interface.upgrades.expand();
    let checks = interface.upgrades.checks(actor);
    let not_views: Vec<Literal> = of(MethodKind::Message).map(named).collect();
    let refused = if not_views.is_empty() {
        TokenStream::new()
    } else {
        quote! {
            #(#not_views)|* => {
                ::core::result::Result::Err(::antiphon::expansion::not_a_view(__method))
            }
        }
    };
    quote! {
        impl ::antiphon::Actor for #actor {
            const SCHEMA: &'static [u8] = #schema;

            #init

            #start

            #assigned

            #upgrades

            fn call(
                __actor: &mut Self,
                __cx: &::antiphon::Context,
                __method: &[u8],
                __args: &[u8],
            ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
                match __method {
                    #(#messages)*
                    _ => <Self as ::antiphon::Actor>::view(__actor, __cx, __method, __args)
                        .map(::antiphon::expansion::Answer::Reply),
                }
            }

            fn view(
                __actor: &Self,
                __cx: &::antiphon::ViewContext,
                __method: &[u8],
                __args: &[u8],
            ) -> ::core::result::Result<::std::vec::Vec<u8>, ::antiphon::Error> {
                match __method {
                    #(#views)*
                    #refused
                    _ => ::core::result::Result::Err(
                        ::antiphon::expansion::unknown_method(__method),
                    ),
                }
            }
        }

        #checks
    }
}

/// The part that makes the first state.
fn init(init: &Method) -> TokenStream {
    let (reading, calling) = (reading(init), calling(init, &TokenStream::new()));
    let made = if init.fallible() {
        let place = place(init);
        quote_spanned! { place => #calling.map_err(::antiphon::expansion::failure) }
    } else {
        quote! { ::core::result::Result::Ok(#calling) }
    };
    quote! {
        fn init(
            __cx: &::antiphon::Context,
            __args: &[u8],
        ) -> ::core::result::Result<Self, ::antiphon::Error> {
            #reading
            #made
        }
    }
}

/// The part that begins async methods, if there are any.
fn start(interface: &Interface) -> TokenStream {
    let waiting: Vec<&Method> = interface.methods.iter().filter(|method| method.waits).collect();
    if waiting.is_empty() {
        return TokenStream::new();
    }
    let arms = waiting.iter().map(|method| {
        let name = named(method);
        let (check, reading) = (check(method), reading(method));
        let calling = calling(method, &TokenStream::new());
        let place = place(method);
        let task = if method.fallible() {
            quote_spanned! { place => {
                let __task = #calling;
                ::antiphon::expansion::try_task(__task)
            } }
        } else {
            quote_spanned! { place => {
                let __task = #calling;
                ::antiphon::expansion::task(__task)
            } }
        };
        quote! { #name => { #check #reading #task } }
    });
    quote! {
        const ASYNC: bool = true;

        fn start(
            __actor: &Self,
            __state: &::antiphon::State<Self>,
            __cx: &::antiphon::Context,
            __method: &[u8],
            __args: &[u8],
        ) -> ::core::result::Result<
            ::core::option::Option<::antiphon::expansion::Task>,
            ::antiphon::Error,
        > {
            ::core::result::Result::Ok(::core::option::Option::Some(match __method {
                #(#arms)*
                _ => return ::core::result::Result::Ok(::core::option::Option::None),
            }))
        }
    }
}

/// The part that takes evidence.
fn assigned(method: &Method) -> TokenStream {
    let (evidence, check, answer) = (variable(0), check(method), answer(method));
    quote! {
        const ASSIGNED: bool = true;

        fn assigned(
            __actor: &mut Self,
            __cx: &::antiphon::Context,
            #evidence: ::antiphon::Evidence,
        ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
            #check
            #answer
        }
    }
}

/// The arm of a message that does not wait.
fn message_arm(method: &Method) -> TokenStream {
    let name = named(method);
    let (check, reading, answer) = (check(method), reading(method), answer(method));
    quote! { #name => { #check #reading #answer } }
}

/// Calls a message that does not wait, with its arguments at hand.
fn answer(method: &Method) -> TokenStream {
    let calling = calling(method, &quote! { __actor, });
    let place = place(method);
    match (method.later, method.fallible()) {
        (true, true) => quote_spanned! { place => {
            let __reply = #calling;
            ::antiphon::expansion::try_later(__cx, __reply)
        } },
        (true, false) => quote_spanned! { place => {
            let __reply = #calling;
            ::core::result::Result::Ok(::antiphon::expansion::later(__cx, &__reply))
        } },
        (false, true) if is_nothing(&method.returns) => quote_spanned! { place => {
            let __reply = #calling;
            ::antiphon::expansion::try_nothing(__reply)
        } },
        (false, false) if is_nothing(&method.returns) => quote_spanned! { place => {
            let () = #calling;
            ::core::result::Result::Ok(::antiphon::expansion::Answer::Nothing)
        } },
        (false, _) => {
            let reply = reply(method, &calling);
            quote! { (#reply).map(::antiphon::expansion::Answer::Reply) }
        }
    }
}

/// Whether a reply of this type says nothing. One that is spelled otherwise is encoded as any other.
fn is_nothing(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The arm that reads the arguments of a view, calls it and encodes its reply.
fn arm(method: &Method) -> TokenStream {
    let name = named(method);
    let (reading, calling) = (reading(method), calling(method, &quote! { __actor, }));
    let (check, reply) = (check(method), reply(method, &calling));
    quote! { #name => { #check #reading #reply } }
}

/// Encodes what a call returns.
fn reply(method: &Method, calling: &TokenStream) -> TokenStream {
    let place = place(method);
    if method.fallible() {
        quote_spanned! { place => {
            let __reply = #calling;
            ::antiphon::expansion::try_reply(__reply)
        } }
    } else {
        quote_spanned! { place => {
            let __reply = #calling;
            ::core::result::Result::Ok(::antiphon::expansion::reply(&__reply))
        } }
    }
}

/// The pattern of a method's name as it comes.
fn named(method: &Method) -> Literal {
    Literal::byte_string(method.name().as_bytes())
}

/// Where what is wrong with the reply is said: at what the method returns.
fn place(method: &Method) -> Span {
    method.place.resolved_at(Span::call_site())
}

/// A statement that returns unless the call is permitted.
fn check(method: &Method) -> Option<TokenStream> {
    method.guard.as_ref().map(Guard::check)
}

/// Statements that bind each argument to a variable of its position.
fn reading(method: &Method) -> TokenStream {
    let takes = method.arguments().enumerate().map(|(at, (ident, ty))| {
        let (variable, name) = (variable(at), unraw(ident));
        // What is wrong with the type is said where it stands.
        let place = ty.span().resolved_at(Span::call_site());
        quote_spanned! { place => let #variable: #ty = __arguments.take(#name)?; }
    });
    if method.arguments().next().is_none() {
        return quote! { ::antiphon::expansion::Arguments::none(__args)?; };
    }
    quote! {
        let mut __arguments = ::antiphon::expansion::Arguments::read(__args)?;
        #(#takes)*
        __arguments.finish()?;
    }
}

fn calling(method: &Method, receiver: &TokenStream) -> TokenStream {
    let ident = &method.ident;
    let mut at = 0;
    let inputs = method.inputs.iter().map(|input| match input {
        Input::Context if method.waits => quote! { ::core::clone::Clone::clone(__cx) },
        Input::Context => quote! { __cx },
        Input::State(_) => quote! { ::core::clone::Clone::clone(__state) },
        Input::Argument(..) => {
            let variable = variable(at);
            at += 1;
            variable.into_token_stream()
        }
    });
    quote! { Self::#ident(#receiver #(#inputs),*) }
}

fn variable(at: usize) -> Ident {
    Ident::new(&format!("__argument{at}"), Span::mixed_site())
}

/// The custom section and the exports of `docs/abi.md`.
fn exports(actor: &Path) -> TokenStream {
    let section = abi::SCHEMA_SECTION;
    let alloc = Ident::new(abi::EXPORT_ALLOC, Span::call_site());
    let entries =
        [(abi::EXPORT_HANDLE, "handle"), (abi::EXPORT_VIEW, "view"), (abi::EXPORT_SAVE, "save")];
    let entries = entries.map(|(export, method)| {
        let export = Ident::new(export, Span::call_site());
        let method = Ident::new(method, Span::call_site());
        quote! {
            #[unsafe(no_mangle)]
            extern "C" fn #export(address: usize, len: u32) -> u64 {
                GUEST.with(|place| place.visit(|guest| guest.#method(address, len)))
            }
        }
    });
    quote! {
        #[allow(unexpected_cfgs, reason = "a crate that nobody calls need not declare `stub`")]
        const _: () = {
            #[cfg(all(target_arch = "wasm32", not(feature = "stub")))]
            #[allow(unsafe_code, reason = "named exports and sections are the guest contract")]
            const _: () = {
                const LEN: usize = <#actor as ::antiphon::Actor>::SCHEMA.len();

                #[used]
                #[unsafe(link_section = #section)]
                static SECTION: [u8; LEN] =
                    ::antiphon::expansion::join(&[<#actor as ::antiphon::Actor>::SCHEMA]);

                ::std::thread_local! {
                    static GUEST: ::antiphon::guest::Place<#actor> =
                        const { ::antiphon::guest::Place::new() };
                }

                #[unsafe(no_mangle)]
                extern "C" fn #alloc(len: u32) -> usize {
                    GUEST.with(|place| place.visit(|guest| guest.alloc(len)))
                }

                #(#entries)*
            };
        };
    }
}
