//! Forms of methods, in the page and without scripts.

use protocol::Slot;

use crate::{
    driver::Browser,
    keep,
    support::{Cluster, directory, text},
};

/// A counter in a cluster whose gateway signs, and a browser.
struct Counter {
    cluster: Cluster,
    browser: Browser,
    /// The address of the process's page.
    page: String,
    _data: tempfile::TempDir,
}

impl Counter {
    async fn start() -> Self {
        let data = directory();
        let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
        let process = cluster.spawn(example_modules::COUNTER, r#"{"start":4}"#);
        let page = format!("{}/process/{process}", text(&cluster.ready["gateway"]));
        let browser = Browser::start().await;
        browser.show(1_280, "light", true).await;
        Self { cluster, browser, page, _data: data }
    }

    async fn form(&self, method: &str) {
        self.browser.go(&format!("{}/call?method={method}", self.page)).await;
    }

    /// Waits until what came of the form says this.
    async fn came(&self, text: &str) {
        let shown = "document.querySelector('#came').textContent";
        self.browser.until(&format!("{shown}.includes({text:?})")).await;
    }

    async fn shown(&self) -> String {
        text(&self.browser.value("document.querySelector('main').textContent").await).to_owned()
    }

    async fn end(self, complaints: usize) {
        let mut said = self.browser.complaints().await;
        // An answer that is no page names no icon.
        said.retain(|line| !line["message"].to_string().contains("favicon.ico"));
        assert_eq!(said.len(), complaints, "{said:?}");
        self.cluster.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_submitted_in_the_page_and_shows_the_reply() {
    let counter = Counter::start().await;
    let browser = &counter.browser;
    browser.go(&counter.page).await;
    browser.follow("a.go[href$='method=add']").await;
    browser.value("window.opened = true").await;

    browser.type_into("#p0", "three\n").await;
    browser.until("document.querySelector('#p0-wrong').textContent.includes('no u64')").await;
    assert_eq!(browser.value("document.querySelector('#p0').value").await, "three");
    assert_eq!(browser.value("document.activeElement.id").await, "p0", "it can be mended at once");

    browser.value("document.querySelector('#p0').value = ''").await;
    browser.type_into("#p0", "3\n").await;
    counter.came("in slot 1").await;
    let reply = "document.querySelector('#came pre').textContent";
    assert_eq!(browser.value(reply).await, "7");
    assert_eq!(browser.value("document.querySelector('#p0-wrong').textContent").await, "");
    assert_eq!(browser.value("window.opened").await, true, "the page was left");

    counter.form("get").await;
    browser.value("document.querySelector('form.fill button').click()").await;
    counter.came("after slot 1").await;
    assert_eq!(browser.value(reply).await, "7");
    // The browser tells of the answer with status 422.
    counter.end(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_works_without_scripts_and_sends_once() {
    let counter = Counter::start().await;
    let browser = &counter.browser;
    browser.show(1_280, "light", false).await;

    counter.form("add").await;
    browser.type_into("#p0", "-1").await;
    browser.click("form.fill button").await;
    assert!(counter.shown().await.contains("it goes from 0 to"), "{}", counter.shown().await);
    assert_eq!(browser.value("document.querySelector('#p0').value").await, "-1");
    browser.value("document.querySelector('#p0').value = ''").await;
    browser.type_into("#p0", "3").await;
    browser.click("form.fill button").await;
    assert!(browser.url().await.contains("/message/msg1"), "{}", browser.url().await);
    assert!(counter.shown().await.contains("add"), "{}", counter.shown().await);
    browser.go(&browser.url().await).await;

    counter.form("get").await;
    browser.click("form.fill button").await;
    assert!(counter.shown().await.contains('7'), "{}", counter.shown().await);
    assert!(counter.shown().await.contains("after slot 1"), "{}", counter.shown().await);

    let client = counter.cluster.client().await;
    let process = counter.page.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(client.head(process).await.unwrap().slot, Slot::new(1), "it was sent once");
    counter.end(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_submits_nothing() {
    let counter = Counter::start().await;
    let browser = &counter.browser;
    let action = format!("{}/call?method=add", counter.page);
    browser.go(&action).await;
    let mark = browser.value("document.forms[1].elements.mark.value").await;
    let page = format!(
        "data:text/html,<form method=post action='{action}'><input name=mark value='{}'>\
         <input name=p0 value=3><button>win</button></form>",
        text(&mark)
    );
    browser.go(&page).await;
    browser.click("button").await;
    browser.until("document.body.textContent.includes('wrong-origin')").await;
    let client = counter.cluster.client().await;
    let process = counter.page.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(client.head(process).await.unwrap().slot, Slot::ZERO);
    counter.end(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_proofs_fit_a_phone_and_both_schemes() {
    let counter = Counter::start().await;
    let browser = &counter.browser;
    counter.form("add").await;
    browser.type_into("#p0", "3\n").await;
    counter.came("in slot 1").await;
    browser.go(&counter.page).await;
    browser.until("document.querySelector('[data-swap=proven] .badge.ok') !== null").await;
    let command = "document.querySelector('section[aria-labelledby=proven] .copy').dataset.copy";
    assert!(text(&browser.value(command).await).starts_with("antiphon verify proc1"));
    for (name, path) in [("form", "/call?method=add"), ("proven", "")] {
        for (width, scheme) in [(1_280, "light"), (1_280, "dark"), (390, "light"), (390, "dark")] {
            browser.show(width, scheme, true).await;
            browser.go(&format!("{}{path}", counter.page)).await;
            browser
                .value("document.querySelectorAll('details').forEach(one => one.open = true)")
                .await;
            let wide = browser.value("document.documentElement.scrollWidth").await;
            assert_eq!(wide, width, "{name} is wider than the screen");
            if name == "form" {
                browser.type_into("#p0", if width == 390 { "x\n" } else { "3\n" }).await;
                let came = "document.querySelector('#came pre, .wrong:not(:empty)') !== null";
                browser.until(came).await;
            }
            keep(name, scheme, width, &browser.screenshot().await);
        }
    }
    counter.end(2).await;
}
