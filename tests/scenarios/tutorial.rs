//! What the tutorial shows of a client does what it says. Its other blocks are run as documentation
//! of `antiphon-testing`.

use example_modules::COUNTER;

use crate::support::{Cluster, directory, process};

#[path = "tutorial/client.rs"]
mod client;

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

#[test]
fn the_tutorials_client_counts() {
    let (_, code) = include_str!("tutorial/client.rs").split_once("\n\n").unwrap();
    assert!(TUTORIAL.contains(&format!("```rust,no_run\n{code}```")), "the page shows other code");
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = process(&cluster.spawn(COUNTER, r#"{"start":5}"#));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shown = runtime.block_on(async { client::count(&cluster.client().await, counter).await });
    assert_eq!(shown, Ok(8));
    cluster.stop();
}
