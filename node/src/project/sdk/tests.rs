use super::*;

fn repository() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

#[test]
fn urls_are_told_from_paths() {
    let url = "https://example.org/antiphon.git";
    assert_eq!(url.parse(), Ok(SdkSource::Git(url.to_owned())));
    assert_eq!("../antiphon".parse(), Ok(SdkSource::Checkout("../antiphon".into())));
}

#[test]
fn a_repository_is_named_by_its_url() {
    let sdk = Sdk::from_source(&SdkSource::Git("https://example.org/\"a\"".to_owned())).unwrap();
    assert_eq!(sdk.dependency, r#"{ git = "https://example.org/\"a\"" }"#);
    assert_eq!(sdk.lock, None);
}

#[test]
fn a_checkout_is_named_by_its_root_or_by_the_sdk_in_it() {
    let root = repository();
    let sdk = Sdk::from_source(&SdkSource::Checkout(root.clone())).unwrap();
    assert_eq!(sdk, Sdk::from_source(&SdkSource::Checkout(root.join("sdk"))).unwrap());
    assert_eq!(sdk.shown, root.join("sdk").to_str().unwrap());
    assert!(sdk.lock.unwrap().contains("name = \"antiphon\""));
}

#[test]
fn what_is_no_checkout_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let code =
        |path: PathBuf| Sdk::from_source(&SdkSource::Checkout(path)).unwrap_err().exit_code();
    assert_eq!(code(empty.path().to_owned()), 2);
    assert_eq!(code(repository().join("protocol")), 2);
    assert_eq!(code(empty.path().join("missing")), 1);
}

#[test]
fn the_carried_sdk_lies_in_the_users_data_directory() {
    let home = tempfile::tempdir().unwrap();
    let sdk = Sdk::carried(home.path()).unwrap();
    assert!(Path::new(&sdk.shown).starts_with(home.path()));
    assert!(Path::new(&sdk.shown).join("Cargo.toml").exists());
    assert!(sdk.lock.is_some());
}
