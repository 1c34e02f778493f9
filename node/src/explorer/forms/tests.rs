use protocol::{
    EntryId, Failure, FailureKind, Principal, ProcessId, Slot, Value,
    schema::{Method, MethodKind, Param, Type},
};

use super::{Came, Form, Given, Wrong, page, path, typed};
use crate::explorer::testing::{self, HOSTILE, assert_harmless};

const PROCESS: ProcessId = ProcessId::from_bytes([1; 32]);

fn method(name: &str, kind: MethodKind, params: &[&str]) -> Method {
    let ty = || Type::Integer { bits: 64, signed: false };
    let param = |name: &&str| Param { name: (*name).to_owned(), ty: ty() };
    let (params, docs) = (params.iter().map(param).collect(), HOSTILE.to_owned());
    Method { name: name.to_owned(), kind, params, returns: ty(), docs, errors: Vec::new() }
}

fn shown(method: &Method, signer: Principal, came: &Came) -> String {
    let (given, wrong) = (&Given::default(), &Wrong::default());
    let form = Form { process: PROCESS, name: HOSTILE, method, signer, given, wrong };
    page(&form, came).into_string()
}

fn signer() -> Principal {
    Principal::Account(testing::key(1).public().account())
}

#[test]
fn a_message_has_a_form_only_where_there_is_a_key() {
    let add = method("add", MethodKind::Message, &["by"]);
    let held = shown(&add, signer(), &Came::Nothing);
    assert!(held.contains("<form") && held.contains(r#"method="post""#), "{held}");
    let none = shown(&add, Principal::Anonymous, &Came::Nothing);
    assert!(!none.contains("<form") && none.contains("holds no key"), "{none}");
    for page in [held, none] {
        assert!(page.contains(&format!("antiphon send {PROCESS} add by=3")), "{page}");
        assert_harmless(&page);
    }
    let get = method("get", MethodKind::View, &[]);
    let view = shown(&get, Principal::Anonymous, &Came::Nothing);
    assert!(view.contains("<form") && view.contains(&format!("antiphon view {PROCESS} get<")));
}

#[test]
fn what_came_of_a_form_is_read_out_and_harmless() {
    let add = method("add", MethodKind::Message, &["by"]);
    let message = EntryId::from_bytes([2; 32]);
    let hostile = || Value::Text(HOSTILE.to_owned());
    let (code, detail) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    let failure = Failure { kind: FailureKind::Actor, code, detail };
    let slot = Slot::new(1_234);
    for (came, fact) in [
        (Came::Viewed(hostile(), slot), "before=1235#s-1234"),
        (Came::Replied(message, slot, Ok(hostile().encode().unwrap())), "in slot 1,234"),
        (Came::Replied(message, slot, Err(failure)), "It failed"),
        (Came::UnderWay(message, Some(slot), "assigned"), ">assigned<"),
        (Came::UnderWay(message, None, "sent"), "Nothing is certain"),
        (Came::Failed(testing::problem()), "unreachable"),
    ] {
        let page = shown(&add, signer(), &came);
        assert!(page.contains(fact) && page.contains("aria-live"), "{page}");
        assert_harmless(&page);
    }
}

#[test]
fn a_name_in_an_address_stays_in_its_place() {
    let hostile = method("../a?b&c=d#e f\u{e9}", MethodKind::View, &[]);
    let path = path(&PROCESS, &hostile).unwrap();
    assert!(path.ends_with("call?method=..%2Fa%3Fb%26c%3Dd%23e%20f%C3%A9"), "{path}");
    assert_eq!(super::path(&PROCESS, &method("new", MethodKind::Init, &[])), None);
}

#[test]
fn no_command_is_offered_that_a_shell_could_read_otherwise() {
    let offered =
        |name: &str, params: &[&str]| typed(&PROCESS, &method(name, MethodKind::Message, params));
    assert_eq!(offered("reset", &[]), Some(format!("antiphon send {PROCESS} reset")));
    for name in ["$(id)", "a b", "", "--json", "a;b", "a\nb", "`id`", HOSTILE] {
        assert_eq!(offered(name, &[]), None, "{name}");
        assert_eq!(offered("add", &[name]), None, "{name}");
    }
    let hostile = method(HOSTILE, MethodKind::Message, &[]);
    assert_eq!(typed(&PROCESS, &hostile), None);
    assert_harmless(&shown(&hostile, Principal::Anonymous, &Came::Nothing));
}

#[test]
fn a_method_of_too_many_parameters_has_no_form() {
    let names = vec!["x"; super::FIELDS_MAX + 1];
    let page = shown(&method("add", MethodKind::Message, &names), signer(), &Came::Nothing);
    assert!(!page.contains("<form") && page.contains("more parameters"));
}
