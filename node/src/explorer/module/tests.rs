use protocol::ModuleId;

use super::{ModuleCard, ModuleFacts, Users, page};
use crate::explorer::testing::{assert_harmless, key, list, problem, process_facts};

fn facts() -> ModuleFacts {
    let schema = process_facts().schema.unwrap();
    ModuleFacts {
        module: ModuleId::of(b"module"),
        card: Ok(ModuleCard { bytes: 12_345, schema }),
        users: Users { rows: list().rows, total: 3, searched: (2, 2), missing: Vec::new() },
        units: vec![key(3).public().unit()],
    }
}

#[test]
fn a_module_shows_its_schema_its_size_its_processes_and_who_executes_them() {
    let facts = facts();
    let page = page(&facts).into_string();
    assert!(page.contains(&facts.module.to_string()) && page.contains("12,345 bytes"), "{page}");
    assert!(page.contains(&format!("/unit/{}", key(3).public().unit())), "{page}");
    assert!(page.contains("1 more") && !page.contains("Looked through"), "{page}");
    assert_harmless(&page);
}

#[test]
fn what_is_not_known_of_a_module_is_said() {
    let users = Users {
        searched: (5_000, 9_999),
        missing: vec![(key(2).public().unit(), problem())],
        ..Users::default()
    };
    let facts = ModuleFacts { card: Err(problem()), users, units: Vec::new(), ..facts() };
    let page = page(&facts).into_string();
    assert!(page.contains("not found") && page.contains("None is known"), "{page}");
    assert!(page.contains("5,000 newest of 9,999"), "{page}");
    assert!(page.contains("are not shown"), "{page}");
    assert_harmless(&page);
}
