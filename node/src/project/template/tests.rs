use super::*;

fn sdk() -> Sdk {
    Sdk { shown: "/sdk".to_owned(), dependency: "{ path = \"/sdk\" }".to_owned(), lock: None }
}

#[test]
fn a_manifest_gets_the_crates_name_and_its_sdk() {
    for template in Template::value_variants() {
        let name = "my-shop".parse().unwrap();
        let manifest = template.source().manifest_for(&name, &sdk());
        let lines: Vec<&str> = manifest.lines().collect();
        for line in ["name = \"my-shop\"", "antiphon = { path = \"/sdk\" }", "[workspace]"] {
            assert_eq!(lines.iter().filter(|found| **found == line).count(), 1, "{manifest}");
        }
        assert!(!manifest.contains("../"), "{manifest}");
    }
}

#[test]
fn a_crate_is_made_in_a_new_directory_only() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("some/where/shop");
    let name = "shop".parse().unwrap();
    let written = Template::Counter.write(&place, &name, &sdk()).unwrap();
    let code = fs::read_to_string(written.join("src/lib.rs")).unwrap();
    assert!(code.contains("pub struct Counter"));
    fs::write(place.join("src/lib.rs"), "mine").unwrap();
    let error = Template::Counter.write(&place, &name, &sdk()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(fs::read_to_string(written.join("src/lib.rs")).unwrap(), "mine");
}
