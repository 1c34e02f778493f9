use proc_macro2::TokenStream;
use protocol::schema::MethodKind;
use quote::ToTokens;

use super::*;

fn read(source: &str) -> syn::Result<(ItemImpl, Interface)> {
    parse(&TokenStream::new(), syn::parse_str(source).unwrap())
}

/// Reads an impl block with an initialiser and one more function.
fn with(function: &str) -> syn::Result<(ItemImpl, Interface)> {
    read(&format!("impl A {{ #[init] fn new() -> Self {{}} {function} }}"))
}

#[track_caller]
fn refused(result: syn::Result<(ItemImpl, Interface)>, why: &str) {
    let error = result.err().expect("it is refused").to_string();
    assert!(error.contains(why), "`{error}` does not say `{why}`");
}

#[test]
fn receivers_tell_views_from_messages() {
    let (item, interface) =
        with("fn a(&self, cx: &ViewContext) {} fn b(&mut self, x: u8, cx: &antiphon::Context) {}")
            .unwrap();
    let kinds: Vec<MethodKind> = interface.methods.iter().map(|method| method.kind).collect();
    assert_eq!(kinds, [MethodKind::View, MethodKind::Message]);
    assert_eq!(interface.methods[1].arguments().count(), 1);
    assert!(!item.into_token_stream().to_string().contains("init"));
}

#[test]
fn a_result_is_a_reply_or_an_error() {
    let (_, interface) =
        with("fn a(&self) -> std::result::Result<u8, E> {} fn b(&self) -> u8 {}").unwrap();
    let fallible: Vec<bool> = interface.methods.iter().map(Method::fallible).collect();
    assert_eq!(fallible, [true, false]);
}

#[test]
fn what_is_no_method_is_refused_with_a_way_out() {
    refused(with("fn a<T>(&self, t: T) {}"), "no generic parameters");
    refused(with("fn a<'a>(&'a self) {}"), "no generic parameters");
    refused(with("fn a(self) {}"), "take `&self`");
    refused(with("fn a(mut self) {}"), "take `&self`");
    refused(with("fn a(self: Box<Self>) {}"), "take `&self`");
    refused(with("fn a(by: u8) {}"), "`#[init]`");
    refused(with("unsafe fn a(&self) {}"), "safe");
    refused(with("#[cfg(test)] fn a(&self) {}"), "conditional");
}

#[test]
fn parameters_are_owned_and_named() {
    refused(with("fn a(&self, text: &str) {}"), "take `String`");
    refused(with("fn a(&self, x: impl Copy) {}"), "serde");
    refused(with("fn a(&self, (x, y): (u8, u8)) {}"), "has a name");
    refused(with("fn a(&mut self, cx: &Context, more: &Context) {}"), "one context");
    refused(with("fn a(&self, cx: &Context) {}"), "`&ViewContext`");
    refused(with("fn a(&mut self, cx: &mut Context) {}"), "owned");
    refused(with("fn a(&mut self, cx: Context) {}"), "takes `&Context`");
}

#[test]
fn an_async_method_has_a_state_and_a_context_of_its_own() {
    let (_, interface) =
        with("async fn a(this: State<Self>, cx: Context, x: u8) -> Result<u8, E> {}").unwrap();
    let method = &interface.methods[0];
    assert!(method.waits && method.fallible() && method.kind == MethodKind::Message);
    assert_eq!(method.arguments().count(), 1);
    refused(with("async fn a(&self) {}"), "`this: State<Self>`");
    refused(with("async fn a(&mut self, cx: &Context) {}"), "`this: State<Self>`");
    refused(with("async fn a(cx: Context) {}"), "`this: State<Self>`");
    refused(with("async fn a(this: &State<Self>) {}"), "`this: State<Self>`");
    refused(with("async fn a(this: State<Self>, cx: &Context) {}"), "take `cx: Context`");
    refused(with("fn a(&mut self, this: State<Self>) {}"), "`async fn`");
    refused(read("impl A { #[init] async fn new() -> Self {} }"), "not async");
}

#[test]
fn what_takes_evidence_is_no_method_that_others_call() {
    let (item, interface) =
        with("#[assigned] fn a(&mut self, cx: &Context, evidence: Evidence) {}").unwrap();
    assert!(interface.assigned.is_some() && interface.methods.is_empty());
    assert!(!item.into_token_stream().to_string().contains("# [assigned]"));
    for function in [
        "#[assigned] fn a(&self, evidence: Evidence) {}",
        "#[assigned] fn a(&mut self) {}",
        "#[assigned] fn a(&mut self, evidence: u8) {}",
        "#[assigned] fn a(&mut self, evidence: Evidence, more: u8) {}",
        "#[assigned] async fn a(this: State<Self>, evidence: Evidence) {}",
    ] {
        refused(with(function), "whose one argument is an `Evidence`");
    }
    let twice =
        "#[assigned] fn a(&mut self, e: Evidence) {} #[assigned] fn b(&mut self, e: Evidence) {}";
    refused(with(twice), "one `#[assigned]`");
}

#[test]
fn only_a_plain_message_replies_later() {
    let (_, interface) =
        with("fn a(&mut self) -> Later<u8> {} fn b(&mut self) -> Result<Later<u8>, E> {}").unwrap();
    let later = interface.methods.iter().map(|method| (method.later, method.fallible()));
    assert_eq!(later.collect::<Vec<_>>(), [(true, false), (true, true)]);
    refused(with("fn a(&self) -> Later<u8> {}"), "a view at once");
    refused(with("async fn a(this: State<Self>) -> Later<u8> {}"), "when it ends");
}

#[test]
fn an_actor_has_exactly_one_init() {
    refused(read("impl A {}"), "needs a function that makes its state");
    refused(with("#[init] fn more() -> Self {}"), "one `#[init]`");
    refused(with("#[init] fn more(&self) -> Self {}"), "no `self`");
    refused(read("impl A { #[init] fn new() {} }"), "returns `Self`");
    refused(read("impl A { #[init] fn new() -> Result<u8, E> {} }"), "returns `Self`");
    assert!(read("impl A { #[init] fn new() -> Result<A, E> {} }").is_ok());
}

#[test]
fn names_that_references_need_are_reserved() {
    refused(with("fn id(&self) {}"), "reserved");
    refused(with("fn antiphon_save(&self) {}"), "reserved");
}

#[test]
fn the_block_is_the_types_own() {
    refused(read("impl Default for A { fn default() -> Self {} }"), "not on a trait's");
    refused(read("impl<T> A<T> {}"), "no generic parameters");
    refused(read("impl A<u8> {}"), "no generic parameters");
}

#[test]
fn a_guard_says_who_may_call() {
    let (item, interface) =
        with("#[only(controller)] fn a(&mut self) {} #[only(Self::may)] fn b(&self) {}").unwrap();
    let guards = interface.methods.iter().map(|method| method.guard.as_ref().unwrap());
    let docs: Vec<String> = guards.map(|guard| guard.error().docs).collect();
    assert_eq!(docs, ["Only the controller may do so.", "`Self::may` does not permit it."]);
    assert!(!item.into_token_stream().to_string().contains("only"));
    refused(with("#[only] fn a(&self) {}"), "say who");
    refused(with("#[only(1 + 1)] fn a(&self) {}"), "say who");
    refused(with("#[only(controller)] #[only(own)] fn a(&self) {}"), "check both");
    refused(read("impl A { #[init] #[only(own)] fn new() -> Self {} }"), "no guard");
}

#[test]
fn what_is_about_upgrades_is_no_method() {
    let functions = "#[migrate(from = 1)] fn a(old: V1) -> Self {} \
                     #[migrate(from = 2)] fn b(cx: &Context, old: V2) -> Result<Self, E> {} \
                     #[save] fn c(&self) -> u8 {} #[load] fn d(saved: u8) -> A {} \
                     #[recover] fn e(image: MemoryImage) -> Result<Self, E> {}";
    let (item, interface) = with(functions).unwrap();
    assert!(interface.methods.is_empty());
    assert!(!item.into_token_stream().to_string().contains("migrate"));
}

#[test]
fn what_cannot_take_over_a_state_is_refused_with_a_way_out() {
    const FORM: &str = "fn name(saved: Saved) -> Self";
    refused(with("#[migrate] fn a(old: V1) -> Self {}"), "`#[migrate(from = 1)]`");
    refused(with("#[migrate(to = 2)] fn a(old: V1) -> Self {}"), "`#[migrate(from = 1)]`");
    refused(with("#[migrate(from = 1)] fn a(&self, old: V1) -> Self {}"), FORM);
    refused(with("#[migrate(from = 1)] fn a(old: &V1) -> Self {}"), FORM);
    refused(with("#[migrate(from = 1)] fn a(old: V1, older: V0) -> Self {}"), FORM);
    refused(with("#[migrate(from = 1)] fn a() -> Self {}"), FORM);
    refused(with("#[migrate(from = 1)] fn a(old: V1) {}"), FORM);
    refused(with("#[migrate(from = 1)] async fn a(old: V1) -> Self {}"), FORM);
    let twice = "#[migrate(from = 1)] fn a(old: V1) -> Self {} \
                 #[migrate(from = 1)] fn b(old: V1) -> Self {}";
    refused(with(twice), "already");
    refused(with("#[save] fn a(&self) -> u8 {}"), "go together");
    refused(with("#[load] fn a(saved: u8) -> Self {}"), "go together");
    refused(with("#[recover] fn a(image: &MemoryImage) -> Self {}"), FORM);
    let twice =
        "#[recover] fn a(i: MemoryImage) -> Self {} #[recover] fn b(i: MemoryImage) -> Self {}";
    refused(with(twice), "one `#[recover]`");
    refused(with("#[save] fn a(&mut self) -> u8 {}"), "fn name(&self) -> Saved");
}

#[test]
fn a_borrow_of_the_state_across_an_await_is_refused_with_a_way_out() {
    const WHY: &str = "no borrow of the state can cross an `await`";
    for body in [
        "this.with(|me| async move { me.n += 1; })",
        "this.with(async |me| me.n).await",
        "let me = this.with(|me| me)",
        "if true { this.with(|me| me.n += peer.get().ask(&cx).await); }",
    ] {
        refused(with(&format!("async fn a(this: State<Self>) {{ {body}; }}")), WHY);
    }
    let body = "let n = other.get().await; this.with(|me| me.n = n); other.with(async || 1).await";
    assert!(with(&format!("async fn a(this: State<Self>) {{ {body}; }}")).is_ok());
}
