use std::collections::BTreeMap;

use protocol::{ModuleId, Role};

use super::{Found, Target, page};
use crate::explorer::testing::{HOSTILE, assert_harmless, key, list, message, process, unit};

fn pick(query: &str) -> Found {
    let units = vec![unit(Role::Scheduler, 2, true), unit(Role::Compute, 3, true)];
    let names = BTreeMap::from([(ModuleId::of(b"module"), HOSTILE.to_owned())]);
    Found::pick(query, list().rows, units, &names)
}

#[test]
fn an_identifier_in_full_names_one_page() {
    let id = process("x");
    assert_eq!(Target::parse(&id.to_string()), Some(Target::Process(id)));
    let entry = message("x").id();
    assert_eq!(Target::parse(&entry.to_string()).unwrap().path(), format!("/message/{entry}"));
    let unit = key(2).public().unit();
    assert_eq!(Target::parse(&format!("{unit}@127.0.0.1:9")), Some(Target::Unit(unit)));
    assert_eq!(Target::parse("target"), None);
    assert_eq!(Target::parse(&id.to_string()[..20]), None);
}

#[test]
fn a_name_in_full_is_found_alone() {
    assert_eq!(pick("target").only(), Some(format!("/process/{}", process("target"))));
}

#[test]
fn a_unique_beginning_leads_to_its_process_or_unit() {
    let id = process("target").to_string();
    assert_eq!(pick(&id[..16]).only(), Some(format!("/process/{id}")));
    let unit = key(3).public().unit().to_string();
    assert_eq!(pick(&unit[..16]).only(), Some(format!("/unit/{unit}")));
    assert_eq!(pick("proc1").only(), None);
    assert_eq!(pick("proc1").processes.len(), 2);
    assert!(pick("nothing of this kind").is_empty());
}

#[test]
fn an_operator_leads_to_its_units() {
    let operator = key(8).public().operator().to_string();
    assert_eq!(pick(&operator).units.len(), 2);
}

#[test]
fn a_role_leads_to_its_units() {
    assert_eq!(pick("compute").only(), Some(format!("/unit/{}", key(3).public().unit())));
}

#[test]
fn modules_and_accounts_are_found_by_identifier_by_its_beginning_and_by_name() {
    let module = ModuleId::of(b"module");
    let path = format!("/module/{module}");
    assert_eq!(Target::parse(&module.to_string()).unwrap().path(), path);
    assert_eq!(pick(&module.to_string()[..16]).only(), Some(path));
    // The name of a module, which is the beginning of that of a process too.
    let found = pick(&HOSTILE[..4]);
    assert_eq!((found.modules.len(), found.processes.len()), (1, 1));
    let shown = page("x", &found, 9).into_string();
    assert!(shown.contains(&module.to_string()), "{shown}");
    assert_harmless(&shown);
    let account = key(1).public().account();
    let path = format!("/account/{account}");
    assert_eq!(Target::parse(&account.to_string()).unwrap().path(), path);
    let found = pick(&account.to_string()[..16]);
    assert_eq!((found.only(), found.accounts.get(&account)), (Some(path), Some(&2)));
}

#[test]
fn results_are_limited_and_queries_are_text() {
    let found = pick("proc1");
    let page = page(HOSTILE, &found, 1).into_string();
    assert_harmless(&page);
    assert!(page.contains("1 more"));
}
