//! What an impl block expands to: dispatch, stub methods, schema, and the exports of the module.

use minicbor::Encoder;
use proc_macro2::{Literal, Span, TokenStream};
use protocol::{
    abi,
    schema::{self, MethodKind},
};
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, Path};

use crate::{
    docs,
    method::{Input, Method, without_self},
    methods::Interface,
    shape,
};

/// Everything that is added beside the impl block.
pub(crate) fn expand(interface: &Interface) -> TokenStream {
    let dispatch = dispatch(interface);
    let stub = stub(interface);
    let exports = exports(&interface.actor);
    quote! { #dispatch #stub #exports }
}

fn dispatch(interface: &Interface) -> TokenStream {
    let actor = &interface.actor;
    let (head, methods) = schema_parts(interface);
    let (head, methods) = (Literal::byte_string(&head), Literal::byte_string(&methods));
    let init = init(&interface.init);
    let of = |kind| interface.methods.iter().filter(move |method| method.kind == kind);
    let messages = of(MethodKind::Message).filter(|method| !method.waits).map(message_arm);
    let views = of(MethodKind::View).map(arm);
    let start = start(interface);
    let assigned = interface.assigned.as_ref().map(assigned);
    let not_views: Vec<String> = of(MethodKind::Message).map(Method::name).collect();
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
            const SCHEMA: &'static [u8] = {
                const PARTS: &[&[u8]] =
                    &[#head, <#actor as ::antiphon::Addressable>::DESCRIPTION, #methods];
                const LEN: usize = ::antiphon::expansion::joined_len(PARTS);
                const JOINED: [u8; LEN] = ::antiphon::expansion::join(PARTS);
                &JOINED
            };

            #init

            #start

            #assigned

            fn call(
                &mut self,
                __cx: &::antiphon::Context,
                __method: &str,
                __args: &[u8],
            ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
                match __method {
                    #(#messages)*
                    _ => <Self as ::antiphon::Actor>::view(self, __cx, __method, __args)
                        .map(::antiphon::expansion::Answer::Reply),
                }
            }

            fn view(
                &self,
                __cx: &::antiphon::ViewContext,
                __method: &str,
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
    }
}

/// The part that makes the first state.
fn init(init: &Method) -> TokenStream {
    let (reading, calling) = (reading(init), calling(init, &TokenStream::new()));
    let made = if init.fallible {
        quote! { #calling.map_err(::core::convert::Into::into) }
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
        let name = method.name();
        let (reading, calling) = (reading(method), calling(method, &TokenStream::new()));
        let task = if method.fallible {
            quote! { ::antiphon::expansion::try_task(#calling) }
        } else {
            quote! { ::antiphon::expansion::task(#calling) }
        };
        quote! { #name => { #reading #task } }
    });
    quote! {
        const ASYNC: bool = true;

        fn start(
            __state: &::antiphon::State<Self>,
            __cx: &::antiphon::Context,
            __method: &str,
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
    let (evidence, answer) = (variable(0), answer(method));
    quote! {
        const ASSIGNED: bool = true;

        fn assigned(
            &mut self,
            __cx: &::antiphon::Context,
            #evidence: ::antiphon::Evidence,
        ) -> ::core::result::Result<::antiphon::expansion::Answer, ::antiphon::Error> {
            #answer
        }
    }
}

/// The arm of a message that does not wait.
fn message_arm(method: &Method) -> TokenStream {
    let name = method.name();
    let (reading, answer) = (reading(method), answer(method));
    quote! { #name => { #reading #answer } }
}

/// Calls a message that does not wait, with its arguments at hand.
fn answer(method: &Method) -> TokenStream {
    let calling = calling(method, &quote! { self, });
    match (method.later, method.fallible) {
        (true, true) => quote! { ::antiphon::expansion::try_later(__cx, #calling) },
        (true, false) => quote! {
            ::core::result::Result::Ok(::antiphon::expansion::later(__cx, &#calling))
        },
        (false, true) => quote! {
            ::antiphon::expansion::try_reply(#calling).map(::antiphon::expansion::Answer::Reply)
        },
        (false, false) => quote! {
            ::core::result::Result::Ok(::antiphon::expansion::Answer::Reply(
                ::antiphon::expansion::reply(&#calling),
            ))
        },
    }
}

/// The arm that reads the arguments of a view, calls it and encodes its reply.
fn arm(method: &Method) -> TokenStream {
    let name = method.name();
    let (reading, calling) = (reading(method), calling(method, &quote! { self, }));
    let reply = if method.fallible {
        quote! { ::antiphon::expansion::try_reply(#calling) }
    } else {
        quote! { ::core::result::Result::Ok(::antiphon::expansion::reply(&#calling)) }
    };
    quote! { #name => { #reading #reply } }
}

/// Statements that bind each argument to a variable of its position.
fn reading(method: &Method) -> TokenStream {
    let takes = method.arguments().enumerate().map(|(at, (ident, ty))| {
        let (variable, name) = (variable(at), unraw(ident));
        quote! { let #variable: #ty = __arguments.take(#name)?; }
    });
    let mutability = method.arguments().next().map(|_| quote! { mut });
    quote! {
        let #mutability __arguments = ::antiphon::expansion::Arguments::read(__args)?;
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
        Input::State => quote! { ::core::clone::Clone::clone(__state) },
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

fn stub(interface: &Interface) -> TokenStream {
    let actor = interface.actor.to_token_stream();
    let mut stub = interface.actor.clone();
    if let Some(last) = stub.segments.last_mut() {
        last.ident = format_ident!("{}Stub", last.ident);
    }
    let calls = interface.methods.iter().map(|method| {
        let (ident, name) = (&method.ident, method.name());
        let docs = if method.docs.is_empty() {
            let docs = format!("Calls `{name}`.");
            quote! { #[doc = #docs] }
        } else {
            let docs = &method.docs;
            quote! { #(#docs)* }
        };
        let idents: Vec<&Ident> = method.arguments().map(|(ident, _)| ident).collect();
        let names = idents.iter().map(|ident| unraw(ident));
        let types = method.arguments().map(|(_, ty)| without_self(ty.to_token_stream(), &actor));
        let returns = without_self(method.returns.to_token_stream(), &actor);
        quote! {
            #docs
            pub fn #ident(&self, #(#idents: #types),*) -> __Via::Call<#returns> {
                let __args = ::antiphon::Args::new() #(.with(#names, &#idents))*;
                ::antiphon::Via::call(::antiphon::Stub::via(self), #name, __args)
            }
        }
    });
    quote! {
        #[allow(
            dead_code,
            clippy::needless_pass_by_value,
            clippy::large_types_passed_by_value,
            clippy::trivially_copy_pass_by_ref,
            reason = "a stub has every method, with the parameters of the actor's own"
        )]
        impl<__Via: ::antiphon::Via> #stub<__Via> {
            #(#calls)*
        }
    }
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

/// The encoded schema before and after what the type's definition contributes.
fn schema_parts(interface: &Interface) -> (Vec<u8>, Vec<u8>) {
    let never = "encoding into memory cannot fail";
    let mut head = Encoder::new(Vec::new());
    let name = interface.name().to_string();
    head.array(5)
        .and_then(|head| head.u32(abi::ABI_VERSION))
        .and_then(|head| head.str(&name))
        .expect(never);
    let methods = [&interface.init].into_iter().chain(&interface.methods);
    let methods: Vec<schema::Method> = methods.map(|method| schema_method(method, &name)).collect();
    (head.into_writer(), minicbor::to_vec(methods).expect(never))
}

fn schema_method(method: &Method, actor: &str) -> schema::Method {
    let params = method
        .arguments()
        .map(|(ident, ty)| schema::Param { name: unraw(ident), ty: shape::of(ty) });
    schema::Method {
        name: method.name(),
        kind: method.kind,
        params: params.collect(),
        returns: match method.kind {
            MethodKind::Init => schema::Type::Null,
            _ => match shape::of(&method.returns) {
                schema::Type::Named(name) if name == "Self" => {
                    schema::Type::Named(actor.to_owned())
                }
                ty => ty,
            },
        },
        docs: docs::text(&method.docs),
    }
}

fn unraw(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}
