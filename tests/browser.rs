//! The explorer in a real browser: what people see, and that it changes while they look.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scenario panics where the cluster does not do what it must"
)]

#[path = "browser/accessible.rs"]
mod accessible;
#[path = "browser/driver.rs"]
mod driver;
#[path = "browser/forms.rs"]
mod forms;
#[path = "browser/graph.rs"]
mod graph;
#[expect(dead_code, reason = "shared with scenarios that need more of it")]
#[path = "scenarios/support.rs"]
mod support;
#[path = "browser/travel.rs"]
mod travel;

use std::path::PathBuf;

use data_encoding::BASE64;
use driver::Browser;
use support::{Cluster, directory, text};
use tempfile::TempDir;

/// A cluster in which two players can throw a ball, and a browser.
struct Stage {
    cluster: Cluster,
    browser: Browser,
    site: String,
    ping: String,
    pong: String,
    _data: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let data = directory();
        let cluster = Cluster::up(data.path(), &[]);
        let site = text(&cluster.ready["gateway"]).to_owned();
        let player = || cluster.spawn(example_modules::PINGPONG, "{}");
        let (ping, pong) = (player(), player());
        let browser = Browser::start().await;
        browser.show(1_280, "light", true).await;
        Self { cluster, browser, site, ping, pong, _data: data }
    }

    /// Lets the players throw the ball this often.
    fn play(&self, rounds: u64) {
        let args = format!(r#"{{"peer":"{}","rounds":{rounds}}}"#, self.pong);
        self.cluster.run(&["send", &self.ping, "start", &args]).done();
    }

    /// Loads a page and waits until it is live.
    async fn open(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.site)).await;
        self.browser.until("document.querySelector('#live')?.dataset.state === 'live'").await;
        // Lost if the page is ever loaded again.
        self.browser.value("window.opened = true").await;
    }

    async fn end(self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:?}");
        self.cluster.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_what_happens_while_one_looks() {
    let stage = Stage::set().await;
    let browser = &stage.browser;

    stage.open("/").await;
    stage.play(3);
    let row = |process: &str, slot: u64| format!("document.getElementById('f-{process}-{slot}')");
    // ping: start in slot 1; pong catches in 1 and 2; ping catches in 2.
    for (process, slot, method) in
        [(&stage.ping, 1, "start"), (&stage.pong, 1, "ball"), (&stage.ping, 2, "ball")]
    {
        let call = format!("{}?.querySelector('.call').textContent", row(process, slot));
        browser.until(&format!("{call} === '{method}'")).await;
    }
    let slots = format!("document.querySelector('#p-{} .number').textContent", stage.pong);
    browser.until(&format!("{slots} === '3'")).await;
    assert_eq!(browser.value("window.opened").await, true, "the page was loaded again");

    stage.open(&format!("/process/{}", stage.pong)).await;
    let rows = "document.querySelectorAll('[data-rows=log] tr').length";
    assert_eq!(browser.value(rows).await, 3);
    stage.play(2);
    browser.until(&format!("{rows} === 4")).await;
    browser.until("document.querySelector('#s-3').dataset.rev === 'executed'").await;
    let newest = "document.querySelector('[data-rows=log] tr').id";
    assert_eq!(browser.value(newest).await, "s-3", "the newest slot comes first");
    assert_eq!(browser.value("window.opened").await, true, "the page was loaded again");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_lead_from_cause_to_effect_and_back() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    stage.play(1);
    let caught = format!("document.querySelector('#p-{} .number')", stage.pong);
    stage.open("/").await;
    browser.until(&format!("{caught}.textContent === '2'")).await;

    browser.follow(&format!("#p-{} a", stage.ping)).await;
    browser.follow("#s-1 td a").await;
    let cause = browser.url().await;
    let shown = "document.querySelector('h1').textContent";
    assert!(text(&browser.value(shown).await).starts_with("Slot 1"));
    let verified = "document.querySelectorAll('.badge.ok').length";
    browser.until(&format!("{verified} === 2")).await;

    browser.follow(".caused .arrived a").await;
    let effect = browser.url().await;
    assert!(text(&browser.value(shown).await).contains("tell"));
    let process = "document.querySelector('.crumbs a.process').title";
    assert_eq!(browser.value(process).await, stage.pong);
    browser.follow(".flow .step:first-child a[href^='/message/']").await;
    assert_eq!(browser.url().await, cause);

    // The identifier alone leads there as well.
    let id = effect.rsplit('/').next().unwrap();
    browser.type_into("#q", &format!("{id}\n")).await;
    browser.until(&format!("location.pathname === '/message/{id}'")).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_writes_is_text_on_every_page() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    let hostile = "<img src=x onerror=document.title='gone'>";
    stage.open(&format!("/process/{}", stage.ping)).await;
    // In JSON, arguments are sent whatever the schema says.
    stage.cluster.run(&["send", &stage.ping, hostile, "{}"]).failed(4, "unknown-method");
    browser.until("document.querySelector('#s-1')?.dataset.rev === 'executed'").await;
    let foreign = "document.querySelectorAll('main img, main script, main [onerror]').length";
    for path in ["/".to_owned(), format!("/process/{}", stage.ping)] {
        stage.open(&path).await;
        let shown = browser.value("document.querySelector('main').textContent").await;
        assert!(text(&shown).contains("<img src=x"), "{path}: {shown}");
        assert_eq!(browser.value(foreign).await, 0, "{path}");
    }
    browser.follow("#s-1 td a").await;
    assert_eq!(browser.value(foreign).await, 0);
    assert_ne!(browser.value("document.title").await, "gone");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_a_phone_both_schemes_and_browsers_without_scripts() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    stage.play(5);
    stage.open(&format!("/process/{}", stage.ping)).await;
    browser.until("document.querySelector('#s-2')?.dataset.rev === 'executed'").await;
    let message = browser.value("document.querySelector('#s-2 a').getAttribute('href')").await;
    let unit = text(&stage.cluster.units("compute")[0]["unit"]).to_owned();
    let pages = [
        ("network", "/".to_owned()),
        ("processes", "/processes".to_owned()),
        ("process", format!("/process/{}", stage.ping)),
        ("message", text(&message).to_owned()),
        ("unit", format!("/unit/{unit}")),
        ("search", "/search?q=proc1".to_owned()),
    ];
    let ground = "getComputedStyle(document.body).backgroundColor";
    for (name, path) in pages {
        let mut grounds = Vec::new();
        for (width, scheme) in [(1_280, "light"), (1_280, "dark"), (360, "light"), (360, "dark")] {
            browser.show(width, scheme, true).await;
            browser.go(&format!("{}{path}", stage.site)).await;
            let wide = browser.value("document.documentElement.scrollWidth").await;
            assert_eq!(wide, width, "{name} is wider than the screen");
            grounds.push(browser.value(ground).await);
            keep(name, scheme, width, &browser.screenshot().await);
        }
        assert_eq!(grounds[0], grounds[2]);
        assert_ne!(grounds[0], grounds[1], "{name} is not dark in the dark");
        browser.show(1_280, "light", false).await;
        browser.go(&format!("{}{path}", stage.site)).await;
        let source = browser.value("document.querySelector('main').textContent").await;
        assert!(text(&source).contains("1"), "{name} is empty without scripts");
        assert_eq!(browser.value("document.querySelector('#live')?.hidden ?? true").await, true);
    }
    browser.show(1_280, "light", true).await;
    stage.end().await;
}

/// Keeps a screenshot, if the build names a directory for them.
fn keep(name: &str, scheme: &str, width: u32, png: &str) {
    if let Some(directory) = option_env!("ANTIPHON_SCREENSHOTS") {
        let file = PathBuf::from(directory).join(format!("{name}-{scheme}-{width}.png"));
        std::fs::write(file, BASE64.decode(png.as_bytes()).unwrap()).unwrap();
    }
}
