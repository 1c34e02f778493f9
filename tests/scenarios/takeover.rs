//! Schedulers that are lost, that come back after another has taken over, and that are started on an
//! older copy of their data.

use std::path::Path;

use protocol::Entry;

use crate::{
    handover::{client, each_once, scheduler, spawn_on_first, total},
    support::{Cluster, PATIENCE, directory, integer, process, text},
};

/// Messages sent before a scheduler is lost, and after.
const MESSAGES: usize = 50;

#[test]
fn another_scheduler_goes_on_where_one_was_lost_with_all_its_data() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":0}"#);
    let to = scheduler(&cluster, 2);
    let refused = cluster.run(&["takeover", &counter, &to]);
    refused.failed(2, "usage");
    assert!(text(&refused.json["error"]["detail"]).contains("is up"), "{refused:?}");
    runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        let mut places = add(&client, &counter, MESSAGES).await;
        Cluster::kill(&cluster.units("scheduler")[0]);
        std::fs::remove_dir_all(data.path().join("units/scheduler-1/data")).unwrap();
        let taken = cluster.run(&["takeover", &counter, &to]).done();
        assert_eq!((&taken["to"], &taken["epoch"]), (&to.as_str().into(), &1.into()), "{taken}");
        assert_eq!(taken["slot"], MESSAGES as u64 + 1, "all were executed: {taken}");
        assert_eq!(cluster.run(&["takeover", &counter, &to]).done(), taken, "once more is no harm");
        places.extend(add(&client, &counter, MESSAGES).await);
        each_once(&client, process(&counter), &places).await;
        assert_eq!(total(&client, process(&counter)).await, 2 * MESSAGES as i128);
    });
    let verified = cluster.run(&["verify", &counter]).done();
    assert_eq!((&verified["ok"], &verified["epochs"]), (&true.into(), &2.into()), "{verified}");
}

#[test]
fn a_scheduler_that_comes_back_learns_that_it_was_superseded() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":0}"#);
    let to = scheduler(&cluster, 2);
    runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        let mut places = add(&client, &counter, MESSAGES).await;
        Cluster::kill(&cluster.units("scheduler")[0]);
        cluster.run(&["takeover", &counter, &to]).done();
        places.extend(add(&client, &counter, MESSAGES).await);
        let _again = cluster.start_again("scheduler", 1);
        // It says so to whoever still believes in it, and nobody is misled meanwhile.
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let page =
                client.process_page(scheduler(&cluster, 1).parse().unwrap(), 0, 10).await.unwrap();
            let moved = page.processes.iter().find(|entry| entry.process == process(&counter));
            if moved.is_some_and(|entry| entry.moved.is_some()) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "it does not learn of it: {page:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let sent = cluster.run(&["send", &counter, "add", "1"]).done();
        assert_eq!(sent["reply"], 2 * MESSAGES as u64 + 1, "{sent}");
        each_once(&client, process(&counter), &places).await;
    });
    let listed = cluster.run(&["ps"]).done();
    let rows = listed["processes"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["process"] == counter).count(), 1, "{listed}");
}

#[test]
fn a_scheduler_on_an_older_copy_of_its_data_refuses_to_write() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let (mine, copy) = (data.path().join("units/scheduler-1/data"), data.path().join("copy"));
    runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        add(&client, &counter, MESSAGES).await;
        Cluster::kill(&cluster.units("scheduler")[0]);
        copy_files(&mine, &copy);
        let again = cluster.start_again("scheduler", 1);
        add(&client, &counter, MESSAGES).await;
        again.stop();
    });
    std::fs::remove_dir_all(&mine).unwrap();
    copy_files(&copy, &mine);
    let _again = cluster.start_again("scheduler", 1);
    let sent = cluster.run(&["send", &counter, "add", "1", "--timeout", "5"]);
    sent.failed(1, "no-answer-yet");
    assert!(text(&sent.json["error"]["detail"]).contains("stale-store"), "{sent:?}");
    let status = cluster.run(&["status"]).done();
    let units = status["units"].as_array().unwrap();
    let stale = units.iter().find(|unit| unit["kind"] == "scheduler").unwrap();
    assert_eq!(stale["counters"]["stale_processes"], 1, "{stale}");
    // What it has is still there to be read.
    assert_eq!(cluster.calls(&counter, "add"), MESSAGES);
}

/// Adds one so many times; the place of each.
async fn add(
    client: &antiphon_client::Client,
    counter: &str,
    times: usize,
) -> Vec<(Entry, protocol::Assignment)> {
    let mut places = Vec::new();
    for _ in 0..times {
        let message = client.prepare_message(process(counter), "add", &integer("by", 1)).unwrap();
        let entry = Entry::Message(message);
        let ticket = client.submit(entry.clone()).await.unwrap();
        let sent = client.finish(ticket, PATIENCE).await.unwrap();
        sent.reply().unwrap();
        places.push((entry, sent.assignment.assignment));
    }
    places
}

/// Copies a directory and what is in it.
fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for found in std::fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (found.path(), to.join(found.file_name()));
        if path.is_dir() {
            copy_files(&path, &name);
        } else {
            std::fs::copy(path, name).unwrap();
        }
    }
}
