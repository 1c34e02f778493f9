use super::*;

#[test]
fn a_development_key_is_refused_where_others_could_reach_it() {
    let serving = Serving { dev_key: Some(KeyName::default_key()), ..Serving::default() };
    for local in [None, Some("127.0.0.1:80"), Some("[::1]:0")] {
        let local = local.map(|local| local.parse().unwrap());
        assert!(serving.check(local).is_ok(), "{local:?}");
    }
    for open in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80"] {
        let error = serving.check(Some(open.parse().unwrap())).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("usage", 2));
        assert!(error.to_string().contains("loopback only"), "{error}");
    }
    assert!(Serving::default().check(Some("0.0.0.0:80".parse().unwrap())).is_ok());
}

#[test]
fn a_host_is_a_name_and_nothing_else() {
    assert!(parse_host("gateway.example").is_ok());
    for text in ["", "gateway.example:80", "http://gateway.example", "a b", "[::1]"] {
        assert!(parse_host(text).is_err(), "{text}");
    }
}
