//! The causal graph of a message: a drawing with a lane for each process, which leads on.

use super::{Stage, keep, text};

/// How many of these the drawing has.
fn count(selector: &str) -> String {
    format!("document.querySelectorAll('.graph {selector}').length")
}

/// A game of three rounds that is over, and the message that began it.
async fn played(stage: &Stage) -> String {
    stage.play(3);
    let caught = format!("document.querySelector('#p-{} .number')", stage.pong);
    stage.open("/").await;
    stage.browser.until(&format!("{caught}?.textContent === '3'")).await;
    stage.open(&format!("/process/{}", stage.ping)).await;
    let link = "document.querySelector('#s-1 a').getAttribute('href')";
    text(&stage.browser.value(link).await).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_is_drawn_across_two_lanes_and_every_box_leads_to_its_message() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    let start = played(&stage).await;

    // The message's own page shows it, with a way to the whole.
    stage.open(&start).await;
    // Start in ping, then a ball in pong, in ping, in pong.
    browser.until(&format!("{} === 4", count("a .node"))).await;
    browser.follow(".causes .pages a").await;
    assert!(browser.url().await.ends_with(&format!("{start}/graph")));
    browser.until(&format!("{} === 4", count("a .node"))).await;
    assert_eq!(browser.value(&count("rect.lane")).await, 2);
    assert_eq!(browser.value(&count(".edge")).await, 3);
    let hops = "[...document.querySelectorAll('.graph .hop')].map((hop) => hop.textContent)";
    let hops = browser.value(hops).await;
    for hop in hops.as_array().unwrap() {
        let shown = text(hop);
        assert!(shown.starts_with("tell · ") && shown.contains(" m"), "{shown}");
    }

    // The list says the same, unfolded or not.
    let listed = "document.querySelectorAll('.tree li').length";
    assert_eq!(browser.value(listed).await, 4);
    assert_eq!(browser.value("document.querySelector('.causes details').open").await, false);

    // A lane leads to its process, a box to its message.
    let lane = format!(".graph a[href='/process/{}']", stage.pong);
    browser.follow(&lane).await;
    browser.go(&format!("{}{start}/graph", stage.site)).await;
    // The root has no arrow: what follows the text at one is the box after the second.
    let second = "document.querySelector('.graph text.hop + a').getAttribute('href')";
    let second = text(&browser.value(second).await).to_owned();
    browser.follow(".graph text.hop + a").await;
    assert!(browser.url().await.ends_with(&second) && second != start);
    // Its own graph leads back to what caused it.
    browser.follow(".causes .pages a").await;
    browser.follow("main > p a[href$='/graph']").await;
    assert_ne!(browser.url().await, format!("{}{second}/graph", stage.site));
    browser.until(&format!("{} > 0", count("a .node"))).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_grows_while_one_looks_and_keeps_its_place() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    stage.open(&format!("/process/{}", stage.ping)).await;
    stage.play(30);
    browser.until("document.querySelector('#s-1 a')").await;
    let start = browser.value("document.querySelector('#s-1 a').getAttribute('href')").await;
    stage.open(&format!("{}/graph", text(&start))).await;
    browser.value("document.querySelector('.causes details').open = true").await;
    browser.until(&format!("{} === 31", count("a .node"))).await;
    browser.until(&format!("{} === 31", count(".came.ok"))).await;
    assert_eq!(browser.value("document.querySelector('.causes details').open").await, true);
    assert_eq!(browser.value("window.opened").await, true, "the page was loaded again");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_fits_a_phone_and_both_schemes() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    let start = played(&stage).await;
    let fill = "getComputedStyle(document.querySelector('.graph .node')).fill";
    for path in [start.clone(), format!("{start}/graph")] {
        let name = if path == start { "message-graph" } else { "graph" };
        let mut fills = Vec::new();
        for (width, scheme) in [(1_280, "light"), (1_280, "dark"), (390, "light"), (390, "dark")] {
            browser.show(width, scheme, true).await;
            browser.go(&format!("{}{path}", stage.site)).await;
            browser.until(&format!("{} === 4", count("a .node"))).await;
            let wide = browser.value("document.documentElement.scrollWidth").await;
            assert_eq!(wide, width, "{path} is wider than the screen");
            fills.push(browser.value(fill).await);
            let png = browser.screenshot().await;
            assert!(!png.is_empty(), "{path}");
            keep(name, scheme, width, &png);
        }
        // The drawing scrolls within its own frame.
        let drawing = "document.querySelector('.drawing')";
        let scrolls = format!("{drawing}.scrollWidth > {drawing}.clientWidth");
        assert_eq!(browser.value(&scrolls).await, true, "{path}");
        assert_eq!(fills[0], fills[2]);
        assert_ne!(fills[0], fills[1], "{path} is not dark in the dark");
    }
    browser.show(1_280, "light", true).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_writes_is_text_in_the_drawing() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    let hostile = "<img src=x onerror=document.title='gone'>";
    stage.open(&format!("/process/{}", stage.ping)).await;
    stage.cluster.run(&["send", &stage.ping, hostile, "{}"]).failed(4, "unknown-method");
    browser.until("document.querySelector('#s-1')?.dataset.rev === 'executed'").await;
    let link = browser.value("document.querySelector('#s-1 a').getAttribute('href')").await;
    stage.open(&format!("{}/graph", text(&link))).await;
    let shown = browser.value("document.querySelector('.graph .asked').textContent").await;
    assert!(text(&shown).contains("<img src=x"), "{shown}");
    let came = browser.value("document.querySelector('.graph .came.bad').textContent").await;
    assert_eq!(came, "unknown-method");
    let foreign = "document.querySelectorAll('main img, main script, main [onerror]').length";
    assert_eq!(browser.value(foreign).await, 0);
    assert_ne!(browser.value("document.title").await, "gone");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_looked_at_stays_open_while_the_page_is_read_again() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    let start = played(&stage).await;
    stage.open(&start).await;
    let receipt = "document.querySelector('.receipts details')";
    browser.until(receipt).await;
    let agreed = "document.querySelector('.receipts .good').textContent";
    assert_eq!(browser.value(agreed).await, "signature holds, agrees");
    browser.value(&format!("{receipt}.open = true")).await;
    let count = "(window.read = 0, window.plain = fetch, \
                 window.fetch = (...of) => (window.read++, window.plain(...of)), true)";
    browser.value(count).await;
    stage.play(1);
    // The second reading begins when what the first has found is in its place.
    browser.until("window.read > 0").await;
    stage.play(1);
    browser.until("window.read > 1").await;
    assert_eq!(browser.value(&format!("{receipt}.open")).await, true);
    stage.end().await;
}
