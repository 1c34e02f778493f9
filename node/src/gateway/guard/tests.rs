use super::is_loopback_name;

#[test]
fn only_names_of_this_machine_are_loopback() {
    for name in ["localhost", "LocalHost:80", "127.0.0.1", "127.8.0.1:9", "[::1]:8080", "[::1]"] {
        assert!(is_loopback_name(name), "{name}");
    }
    for name in [
        "",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org:80",
        "10.0.0.1",
        "[::2]:1",
        "user@localhost",
        "localhost:80:90",
    ] {
        assert!(!is_loopback_name(name), "{name}");
    }
}
