//! Time travel: the state of a process after any slot, the charts and the filters of its log.

use super::{
    driver::Browser,
    keep,
    support::{Cluster, directory, text},
};

/// A counter with a few sums, of which one fails.
struct Tally {
    cluster: Cluster,
    browser: Browser,
    page: String,
    _data: tempfile::TempDir,
}

impl Tally {
    async fn set() -> Self {
        let data = directory();
        let cluster = Cluster::up(data.path(), &[]);
        let process = cluster.spawn(example_modules::COUNTER, r#"{"start":5}"#);
        let add = |by: u64| cluster.run(&["send", &process, "add", &format!(r#"{{"by":{by}}}"#)]);
        for by in [1, 2, 3] {
            add(by).done();
        }
        add(u64::MAX).failed(4, "refused");
        add(70).done();
        let page = format!("{}/process/{process}", text(&cluster.ready["gateway"]));
        let browser = Browser::start().await;
        browser.show(1_280, "light", true).await;
        Self { cluster, browser, page, _data: data }
    }

    async fn end(self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:?}");
        self.cluster.stop();
    }
}

/// What the state says, as text.
const SAYS: &str = "document.querySelector('#state .parts')?.textContent";

#[tokio::test(flavor = "multi_thread")]
async fn a_slider_leads_through_the_states_of_a_process_without_loading_the_page_again() {
    let tally = Tally::set().await;
    let browser = &tally.browser;
    browser.go(&format!("{}/state", tally.page)).await;
    assert_eq!(browser.value(SAYS).await, "n81", "after the last slot");
    browser.value("window.opened = true").await;

    let drag = "(() => { const range = document.getElementById('at-range'); range.value = 2; \
                range.dispatchEvent(new Event('input', { bubbles: true })); })()";
    browser.value(drag).await;
    browser.until(&format!("{SAYS} === 'n8'")).await;
    let changed = "document.querySelector('#state .changes li').textContent";
    assert_eq!(browser.value(changed).await, "n: 6 → 8");
    browser.until("location.search === '?at=2'").await;
    browser.value("document.querySelector('a[data-at=\"1\"]').click()").await;
    browser.until(&format!("{SAYS} === 'n6'")).await;
    browser.type_into("#at-number", "\u{e009}a\u{e000}4\n").await;
    browser.until("location.search === '?at=4'").await;
    browser.until(&format!("{SAYS} === 'n11'")).await;
    let state = "document.getElementById('state').textContent";
    assert!(text(&browser.value(state).await).contains("is as it was"), "an error changes nothing");
    assert_eq!(browser.value("window.opened").await, true, "the page was loaded again");

    // Without scripts, links and the form do the same.
    browser.show(1_280, "light", false).await;
    browser.go(&format!("{}/state?at=3", tally.page)).await;
    assert_eq!(browser.value(SAYS).await, "n11");
    browser.follow("a[data-at='0']").await;
    assert_eq!(browser.value(SAYS).await, "n5");
    browser.type_into("#at-number", "1").await;
    browser.follow("#travel-form button").await;
    assert_eq!(browser.value(SAYS).await, "n6");
    look(browser, "state", &format!("{}/state?at=3", tally.page)).await;
    tally.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_only_what_fits_and_leads_to_the_state_behind_it() {
    let tally = Tally::set().await;
    let browser = &tally.browser;
    let rows = "[...document.querySelectorAll('[data-rows=log] tr')].map((row) => row.id).join()";
    browser.go(&format!("{}?method=add&outcome=error", tally.page)).await;
    assert_eq!(browser.value(rows).await, "s-4");
    let chosen = "document.querySelector('.filter select').value";
    assert_eq!(browser.value(chosen).await, "error");
    browser.follow("#s-4 .after").await;
    assert_eq!(browser.value(SAYS).await, "n11");

    browser.go(&tally.page).await;
    browser.type_into(".filter input[name=upto]", "2").await;
    browser.follow(".filter button").await;
    assert_eq!(browser.value(rows).await, "s-2,s-1,s-0");
    browser.follow(".pages a[rel=prev]").await;
    assert_eq!(browser.value(rows).await, "s-5,s-4,s-3", "newer ones follow without a gap");
    tally.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_are_drawn_in_light_and_dark_and_grow_with_the_log() {
    let tally = Tally::set().await;
    let browser = &tally.browser;
    browser.go(&tally.page).await;
    let bars = "document.querySelectorAll('#main .chart rect.mark').length";
    browser.until(&format!("{bars} === 6")).await;
    let table = "document.querySelectorAll('[data-swap=table-gas] tr').length";
    assert_eq!(browser.value(table).await, 6, "the table says the same");
    let process = tally.page.rsplit('/').next().unwrap();
    browser.until("document.querySelector('#live')?.dataset.state === 'live'").await;
    tally.cluster.run(&["send", process, "add", r#"{"by":1}"#]).done();
    browser.until(&format!("{bars} === 7")).await;

    let fill = "getComputedStyle(document.querySelector('.chart rect.mark')).fill";
    let light = browser.value(fill).await;
    look(browser, "charts", &tally.page).await;
    browser.show(1_280, "dark", true).await;
    assert_ne!(browser.value(fill).await, light, "the marks are not light in the dark");
    let failed = fill.replace("rect.mark", "rect.failed");
    assert_ne!(browser.value(&failed).await, browser.value(fill).await);

    // Latencies are those of slots that other slots caused.
    let player = || tally.cluster.spawn(example_modules::PINGPONG, "{}");
    let (ping, pong) = (player(), player());
    let args = format!(r#"{{"peer":"{pong}","rounds":8}}"#);
    tally.cluster.run(&["send", &ping, "start", &args]).done();
    browser.go(&tally.page.replace(process, &pong)).await;
    browser.until("document.querySelectorAll('.chart circle').length >= 3").await;
    look(browser, "latency", &tally.page.replace(process, &pong)).await;
    tally.end().await;
}

/// Looks at a page in both schemes and on a phone.
async fn look(browser: &Browser, name: &str, page: &str) {
    for (width, scheme) in [(1_280, "light"), (1_280, "dark"), (390, "light")] {
        browser.show(width, scheme, true).await;
        browser.go(page).await;
        let wide = browser.value("document.documentElement.scrollWidth").await;
        assert_eq!(wide, width, "{name} is wider than the screen");
        keep(name, scheme, width, &browser.screenshot().await);
    }
    browser.show(1_280, "light", true).await;
}
