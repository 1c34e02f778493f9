//! Wrong, hostile and huge input: each a clear error, nothing lost, and everything goes on.

use std::{
    io::Write as _,
    net::{TcpStream, UdpSocket},
};

use crate::support::{Cluster, directory, run, run_in, text};

#[test]
fn mistakes_on_the_command_line_have_their_codes() {
    let data = directory();
    run_in(data.path(), &["ps"]).failed(1, "no-cluster");
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);

    let file = data.path().join("not.wasm");
    std::fs::write(&file, b"not a module").unwrap();
    cluster.run(&["spawn", &file.to_string_lossy()]).failed(3, "module-refused");
    // A valid module without the exports of an actor.
    std::fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
    cluster.run(&["spawn", &file.to_string_lossy()]).failed(3, "module-refused");
    cluster.run(&["spawn", "no-such-file.wasm"]).failed(1, "file");

    let actor = |args: &[&str], code| cluster.run(args).failed(4, code);
    actor(&["send", &counter, "fly"], "unknown-method");
    actor(&["send", &counter, "add", r#"{"by":-1}"#], "bad-arguments");
    actor(&["send", &counter, "add", r#"{"by":1,"and":2}"#], "bad-arguments");
    actor(&["view", &counter, "fly"], "unknown-method");
    let usage = |args: &[&str]| cluster.run(args).failed(2, "usage");
    usage(&["send", &counter, "add", "{"]);
    usage(&["send", &counter, "add", r#"{"by":"three"}"#]);

    let unknown = protocol::ProcessId::from_bytes([7; 32]).to_string();
    cluster.run(&["send", &unknown, "add", "1"]).failed(3, "unknown-process");
    let mut typo = counter.clone();
    let last = typo.pop().unwrap();
    typo.push(if last == 'q' { 'p' } else { 'q' });
    cluster.run(&["send", &typo, "add", "1"]).failed(2, "usage");
    let account = protocol::AccountId::from_bytes([7; 32]).to_string();
    cluster.run(&["send", &account, "add", "1"]).failed(2, "usage");
    assert_eq!(cluster.run(&["no-such-command"]).code, 2);

    // Larger than the process takes: 3 MiB where 2 are allowed.
    let huge = directory();
    let module = huge.path().join("huge.wasm");
    std::fs::write(&module, vec![0; 17 << 20]).unwrap();
    let refused = cluster.run(&["spawn", &module.to_string_lossy()]);
    assert!([2, 3].contains(&refused.code), "{refused:?}");

    // An error does not stop the process.
    let sent = cluster.run(&["send", &counter, "add", "1"]).done();
    assert_eq!(sent["reply"], 1);
    cluster.stop();
}

#[test]
fn a_message_larger_than_its_process_takes_is_refused() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let huge = protocol::Value::Map(vec![(
            protocol::Value::Text("by".into()),
            protocol::Value::Bytes(vec![7; 3 << 20]),
        )]);
        let target = crate::support::process(&counter);
        let sent = client.send(target, "add", &huge, crate::support::PATIENCE).await;
        let error = sent.expect_err("too large");
        assert_eq!(error.code(), "too-large", "{error}");
    });
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 1);
    cluster.stop();
}

#[test]
fn garbage_and_half_open_streams_on_every_port_change_nothing() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut packet = [0_u8; 1_200];
    let mut half_open = Vec::new();
    for unit in cluster.ready["units"].as_array().unwrap() {
        let address = text(&unit["address"]);
        // 10 MiB of noise, some of it with the first byte of a QUIC packet.
        for number in 0..(10 << 20) / packet.len() {
            for byte in &mut packet {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                *byte = noise.to_le_bytes()[0];
            }
            if number % 2 == 0 {
                packet[0] |= 0xc0;
            }
            // A full socket buffer is the kernel's way to say that noise is dropped.
            let _ = socket.send_to(&packet, address);
        }
        // The discovery port takes TCP: half-open and garbage streams.
        for _ in 0..50 {
            if let Ok(mut stream) = TcpStream::connect(address) {
                let _ = stream.write_all(&packet[..100]);
                half_open.push(stream);
            }
        }
    }
    for number in 1..=20 {
        assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], number);
    }
    drop(half_open);
    cluster.stop();
}

#[test]
fn a_data_directory_in_use_and_a_taken_port_are_named() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let second = run(&["up", "--isolated", "--json", "--data", &data.path().to_string_lossy()]);
    second.failed(1, "data-in-use");
    let detail = text(&second.json["error"]["detail"]);
    assert!(detail.contains("pid"), "{detail}");

    let gateway = text(&cluster.ready["gateway"]).trim_start_matches("http://").to_owned();
    let other = directory();
    let other = other.path().to_string_lossy().into_owned();
    let taken = run(&["up", "--json", "--data", &other, "--gateway", &gateway]);
    taken.failed(1, "port-taken");
    assert!(text(&taken.json["error"]["detail"]).contains(&gateway), "{taken:?}");
    cluster.stop();
}

#[test]
fn a_lock_left_behind_by_a_killed_cluster_blocks_nobody() {
    let data = directory();
    Cluster::up(data.path(), &[]).kill_all();
    Cluster::up(data.path(), &[]).stop();
}
