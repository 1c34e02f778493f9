use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const ANYWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

#[test]
fn only_names_of_this_machine_are_loopback() {
    for name in ["localhost", "LocalHost:80", "127.0.0.1", "127.8.0.1:9", "[::1]:8080", "[::1]"] {
        assert!(is_meant(name, HERE, &[]), "{name}");
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
        assert!(!is_meant(name, HERE, &[]), "{name}");
    }
}

#[test]
fn elsewhere_numbers_are_served_and_names_that_were_given() {
    let names = ["gateway.example".to_owned()];
    for name in ["10.0.0.1:80", "[2001:db8::1]", "localhost", "Gateway.Example:443"] {
        assert!(is_meant(name, ANYWHERE, &names), "{name}");
    }
    for name in ["evil.example", "x.gateway.example", "gateway.example.evil.example", ""] {
        assert!(!is_meant(name, ANYWHERE, &names), "{name}");
    }
    assert!(is_meant("gateway.example", HERE, &names), "a proxy may stand before it");
}

#[test]
fn a_page_is_the_gateways_own_if_host_and_port_are_the_same() {
    assert!(is_own("http://localhost:80", "localhost:80"));
    assert!(is_own("https://gateway.example", "Gateway.example"));
    for origin in ["null", "", "http://localhost:81", "http://localhost", "ftp://localhost:80"] {
        assert!(!is_own(origin, "localhost:80"), "{origin}");
    }
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for text in ["https://app.example", "http://localhost:5173", "http://[::1]:1"] {
        assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
    }
    for text in [
        "*",
        "null",
        "",
        "app.example",
        "https://",
        "https://App.example",
        "https://app.example/",
        "https://a b",
        "https://user@app.example",
    ] {
        assert!(text.parse::<Origin>().is_err(), "{text}");
    }
    assert!(format!("https://{}", "x".repeat(400)).parse::<Origin>().is_err());
}

#[test]
fn an_origin_that_begins_like_an_allowed_one_is_another() {
    let allowed = ["https://app.example".parse().unwrap()];
    assert!(Origin::find(&allowed, "https://app.example").is_some());
    for origin in ["https://app.example.evil.example", "https://app.example:81", "null"] {
        assert!(Origin::find(&allowed, origin).is_none(), "{origin}");
    }
}

#[test]
fn a_form_counts_only_where_a_browser_says_that_it_is_the_gateways_own() {
    assert!(is_own_form(Some(true), None) && is_own_form(Some(true), Some("none")));
    assert!(is_own_form(None, Some("same-origin")));
    assert!(!is_own_form(None, None) && !is_own_form(None, Some("none")));
    assert!(!is_own_form(Some(false), None) && !is_own_form(Some(false), Some("same-origin")));
    for site in ["cross-site", "same-site", "", "Same-Origin"] {
        assert!(!is_own_form(Some(true), Some(site)), "{site}");
    }
}
