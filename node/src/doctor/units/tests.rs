use super::*;
use crate::doctor::Level;

fn seen(byte: u8, network: NetworkId, software: Result<&str, &str>) -> Seen {
    let software = software.map(str::to_owned).map_err(str::to_owned);
    Seen { kind: "compute".to_owned(), unit: UnitId::from_bytes([byte; 32]), network, software }
}

#[test]
fn units_must_answer_with_one_version_and_one_network() {
    let (here, there) = (NetworkId::from_bytes([1; 32]), NetworkId::from_bytes([2; 32]));
    let own = OWN;
    let levels =
        |seen: &[Seen]| judge(here, seen).iter().map(|found| found.level).collect::<Vec<_>>();
    assert_eq!(levels(&[seen(1, here, Ok(own)), seen(2, here, Ok(own))]), [Level::Fine]);
    assert_eq!(levels(&[seen(1, here, Ok(own)), seen(2, here, Err("away"))]), [Level::Wrong]);
    assert_eq!(levels(&[seen(1, here, Ok("antiphon 0.0.1"))]), [Level::Wrong]);
    assert_eq!(levels(&[seen(1, there, Ok(own))]), [Level::Wrong]);
}

#[test]
fn a_lock_of_somebody_who_is_gone_is_emptied() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lock");
    assert_eq!(stale(directory.path(), "lock"), None);
    // More than any system hands out.
    std::fs::write(&file, format!("{}\n", i32::MAX)).unwrap();
    let mut found = stale(directory.path(), "lock").unwrap();
    assert_eq!(found.level, Level::Note);
    found.fix();
    assert_eq!(found.level, Level::Mended);
    assert_eq!(std::fs::read(&file).unwrap(), b"");
    assert_eq!(stale(directory.path(), "lock"), None);

    std::fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    assert_eq!(stale(directory.path(), "lock"), None, "this process is there");
}

#[test]
fn a_port_that_somebody_else_has_is_wrong_only_for_a_unit_that_does_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let place = |is_running| Place {
        name: "compute-1".to_owned(),
        path: directory.path().to_owned(),
        is_running,
    };
    std::fs::write(directory.path().join("port"), format!("{port}\n")).unwrap();
    assert_eq!(super::port(&place(false)).unwrap().level, Level::Wrong);
    assert_eq!(super::port(&place(true)), None);
    std::fs::write(directory.path().join("port"), "port").unwrap();
    assert_eq!(super::port(&place(true)).unwrap().level, Level::Wrong);
}
