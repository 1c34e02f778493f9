//! `#[migrate(from = N)]`, `#[save]`, `#[load]` and `#[recover]`: how a state goes from one module to the next.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, FnArg, ImplItemFn, LitInt, Path, Signature, Type, spanned::Spanned};

use crate::{
    input::given_context,
    method::{is_actor, refuse, returns},
};

/// What an actor says of its upgrades.
#[derive(Default)]
pub(crate) struct Upgrades {
    /// From which versions, ascending in order of declaration.
    migrations: Vec<(LitInt, Reader)>,
    save: Option<syn::Ident>,
    load: Option<Reader>,
    recover: Option<Reader>,
}

/// A function that makes the state of what was saved.
struct Reader {
    ident: syn::Ident,
    saved: Type,
    /// Whether the context comes first, or last, or not at all.
    inputs: Vec<Given>,
    fallible: bool,
}

/// A parameter of a reader.
#[derive(Clone, Copy)]
enum Given {
    Saved,
    Context,
}

impl Upgrades {
    /// Takes a function that is about upgrades; tells whether it was one.
    pub(crate) fn take(
        &mut self,
        function: &mut ImplItemFn,
        actor: &syn::Ident,
    ) -> syn::Result<bool> {
        let known = |attribute: &Attribute| {
            ["migrate", "save", "load", "recover"]
                .iter()
                .any(|name| attribute.path().is_ident(name))
        };
        let taken: Vec<Attribute> = function.attrs.extract_if(.., |own| known(own)).collect();
        let [attribute] = &*taken else {
            return match taken.get(1) {
                Some(second) => Err(refuse(second, "a function has one part in an upgrade")),
                None => Ok(false),
            };
        };
        let signature = &function.sig;
        if attribute.path().is_ident("migrate") {
            let from = from(attribute)?;
            let number = from.base10_digits();
            if self.migrations.iter().any(|(before, _)| before.base10_digits() == number) {
                let why = format!("version {number} has a migration already");
                return Err(refuse(attribute, why));
            }
            self.migrations.push((from, Reader::parse(signature, actor, "#[migrate(from = N)]")?));
        } else if attribute.path().is_ident("load") {
            let reader = Reader::parse(signature, actor, "#[load]")?;
            if self.load.replace(reader).is_some() {
                return Err(refuse(signature, "an actor has one `#[load]`"));
            }
        } else if attribute.path().is_ident("recover") {
            let reader = Reader::parse(signature, actor, "#[recover]")?;
            if self.recover.replace(reader).is_some() {
                return Err(refuse(signature, "an actor has one `#[recover]`"));
            }
        } else {
            check_save(signature)?;
            if self.save.replace(signature.ident.clone()).is_some() {
                return Err(refuse(signature, "an actor has one `#[save]`"));
            }
        }
        Ok(true)
    }

    /// Checks what only all functions together show.
    pub(crate) fn check(&self) -> syn::Result<()> {
        const BOTH: &str =
            "`#[save]` and `#[load]` go together: one reads what the other has written";
        match (&self.save, &self.load) {
            (Some(save), None) => Err(refuse(save, BOTH)),
            (None, Some(load)) => Err(refuse(&load.ident, BOTH)),
            _ => Ok(()),
        }
    }

    /// The parts of the actor that save, load and recover.
    pub(crate) fn expand(&self) -> TokenStream {
        let (handed, recovered) = (self.handed(), self.recovered());
        quote! { #handed #recovered }
    }

    /// The part that recovers the state from a memory image.
    fn recovered(&self) -> Option<TokenStream> {
        let reader = self.recover.as_ref()?;
        let (image, made) = (&reader.saved, reader.applied());
        Some(quote! {
            const RECOVERS: bool = true;

            fn recover(
                __cx: &::antiphon::Context,
                __saved: #image,
            ) -> ::core::result::Result<Self, ::antiphon::Error> {
                #made
            }
        })
    }

    /// The parts that save and load.
    fn handed(&self) -> TokenStream {
        let save = self.save.as_ref().map(|save| {
            quote! {
                fn save(
                    __actor: &Self,
                ) -> ::core::result::Result<::std::vec::Vec<u8>, ::antiphon::cbor::Error> {
                    ::antiphon::cbor::to_vec(&Self::#save(__actor))
                }
            }
        });
        if self.migrations.is_empty() && self.load.is_none() {
            return TokenStream::new();
        }
        let migrations = self.migrations.iter().map(|(from, reader)| {
            let made = reader.made();
            quote! { #from => #made, }
        });
        let load = match &self.load {
            Some(reader) => {
                let made = reader.made();
                quote! {
                    _ if __version == <Self as ::antiphon::Definition>::STATE_VERSION => #made,
                    _ => ::core::result::Result::Err(
                        ::antiphon::expansion::state_version::<Self>(__version),
                    ),
                }
            }
            None => quote! { _ => ::antiphon::expansion::load(__version, __state), },
        };
        quote! {
            #save

            fn load(
                __cx: &::antiphon::Context,
                __version: u32,
                __state: &[u8],
            ) -> ::core::result::Result<Self, ::antiphon::Error> {
                match __version {
                    #(#migrations)*
                    #load
                }
            }
        }
    }

    /// Refuses, when the crate is compiled, migrations from versions that are not past.
    pub(crate) fn checks(&self, actor: &Path) -> TokenStream {
        let checks = self.migrations.iter().map(|(from, _)| {
            let why = format!(
                "`#[migrate(from = {})]` reads an older state: give the struct \
                 `#[actor(version = N)]` with a higher version",
                from.base10_digits()
            );
            quote_spanned! { from.span() =>
                const _: () =
                    assert!(#from < <#actor as ::antiphon::Definition>::STATE_VERSION, #why);
            }
        });
        quote! { #(#checks)* }
    }
}

impl Reader {
    fn parse(signature: &Signature, actor: &syn::Ident, attribute: &str) -> syn::Result<Self> {
        let form = format!(
            "`{attribute}` goes on `fn name(saved: Saved) -> Self` or `-> Result<Self, E>`, which may \
             take a `&Context` besides"
        );
        let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
        let returns = returns(&signature.output);
        if !plain || signature.receiver().is_some() || !is_actor(&returns.ty, actor) {
            return Err(refuse(signature, form));
        }
        let mut saved = None;
        let mut inputs = Vec::new();
        for input in &signature.inputs {
            let FnArg::Typed(input) = input else { continue };
            if given_context(&input.ty) {
                inputs.push(Given::Context);
            } else if matches!(*input.ty, Type::Reference(_)) || saved.is_some() {
                return Err(refuse(&input.ty, form));
            } else {
                saved = Some((*input.ty).clone());
                inputs.push(Given::Saved);
            }
        }
        let Some(saved) = saved else { return Err(refuse(signature, form)) };
        Ok(Self {
            ident: signature.ident.clone(),
            saved,
            inputs,
            fallible: returns.error.is_some(),
        })
    }

    /// An expression of the state that the saved bytes make, or why they make none.
    fn made(&self) -> TokenStream {
        let (saved, made) = (&self.saved, self.applied());
        quote! {
            {
                let __saved: #saved = ::antiphon::expansion::saved(__state)?;
                #made
            }
        }
    }

    /// An expression of the state that `__saved` makes, or why it makes none.
    fn applied(&self) -> TokenStream {
        let ident = &self.ident;
        let inputs = self.inputs.iter().map(|input| match input {
            Given::Saved => quote! { __saved },
            Given::Context => quote! { __cx },
        });
        let made = quote! { Self::#ident(#(#inputs),*) };
        if self.fallible {
            quote! { #made.map_err(::antiphon::expansion::failure) }
        } else {
            quote! { ::core::result::Result::Ok(#made) }
        }
    }
}

/// The version that a migration reads.
fn from(attribute: &Attribute) -> syn::Result<LitInt> {
    let form = "say from which version of the state: `#[migrate(from = 1)]`";
    let mut from = None;
    let read = attribute.parse_nested_meta(|meta| {
        if !meta.path.is_ident("from") {
            return Err(meta.error(form));
        }
        let version: u32 = from.insert(meta.value()?.parse::<LitInt>()?).base10_parse()?;
        // Without a suffix, which could be of another type.
        from = from.take().map(|from| LitInt::new(&version.to_string(), from.span()));
        Ok(())
    });
    match (read, from) {
        (Ok(()), Some(from)) => Ok(from),
        _ => Err(refuse(attribute, form)),
    }
}

fn check_save(signature: &Signature) -> syn::Result<()> {
    let by_reference = signature
        .receiver()
        .is_some_and(|receiver| receiver.reference.is_some() && receiver.mutability.is_none());
    let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    if plain && by_reference && signature.inputs.len() == 1 {
        return Ok(());
    }
    let why = "`#[save]` goes on `fn name(&self) -> Saved`, where `Saved` is what `#[load]` takes";
    Err(syn::Error::new(signature.span(), why))
}
