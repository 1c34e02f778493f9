use super::*;

fn config(url: &str) -> Config {
    url.parse().unwrap()
}

#[test]
fn connections_to_other_machines_are_encrypted_unless_that_is_forbidden() {
    for (url, expected) in [
        ("postgres://u@localhost/d", false),
        ("postgres://u@127.0.0.1:1/d", false),
        ("postgres://u@[::1]/d", false),
        ("postgres://u@%2Frun%2Fpostgresql/d", false),
        ("postgres://u@localhost/d?sslmode=require", true),
        ("postgres://u@db.example.org/d", true),
        ("postgres://u@localhost,db.example.org/d", true),
        ("postgres://u@db.example.org/d?sslmode=disable", false),
    ] {
        assert_eq!(encrypted(&config(url)), expected, "{url}");
    }
}

#[test]
fn a_password_is_told_nowhere() {
    let config = config("postgres://me:hunter2@localhost:1/d");
    let server = Server::new(&config).unwrap();
    let session = Session::new(Arc::clone(&server));
    let error = session.once(|client| async move { client.batch_execute("").await }).unwrap_err();
    let said = format!("{} {server:?} {session:?} {error} {error:?} {config:?}", server.name());
    assert!(said.contains("localhost/d") && !said.contains("hunter2"), "{said}");
}
