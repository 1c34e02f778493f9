//! Whether pages can be used by everybody: what axe-core finds wrong with each, in light and in dark,
//! and whether the keyboard alone leads where a mouse does.

use std::{fs, path::Path, process::Command};

use protocol::{ModuleId, Principal};
use serde_json::Value as Json;

use crate::{Stage, keep, support::text};

/// The checks, as `npm ci` installs what the lock file pins.
fn axe() -> String {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser/axe");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    fs::create_dir_all(&place).unwrap();
    for file in ["package.json", "package-lock.json"] {
        fs::copy(pinned.join(file), place.join(file)).unwrap();
    }
    let installed =
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&place).output();
    let installed = installed.expect("npm starts; install npm");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    fs::read_to_string(place.join("node_modules/axe-core/axe.min.js")).unwrap()
}

/// What is wrong with the page that is open: each rule with the elements that break it.
async fn violations(stage: &Stage, axe: &str) -> Vec<String> {
    // Colours that still change are none that anybody reads.
    stage
        .browser
        .until("document.getAnimations().every((one) => one.playState !== 'running')")
        .await;
    stage.browser.run(axe).await;
    let run = "const done = arguments[0]; axe.run().then((found) => done(found.violations), \
               (error) => done([{ id: String(error), nodes: [] }]));";
    let found = stage.browser.run_async(run).await;
    let found = found.as_array().unwrap().iter();
    let nodes = |rule: &Json| -> Vec<String> {
        let nodes = rule["nodes"].as_array().unwrap().iter();
        nodes.map(|node| format!("{} {}", node["html"], node["failureSummary"])).collect()
    };
    found.map(|rule| format!("{}: {:#?}", rule["id"], nodes(rule))).collect()
}

/// The pages of a network in which something has happened.
async fn pages(stage: &Stage) -> Vec<(&'static str, String)> {
    let browser = &stage.browser;
    stage.open(&format!("/process/{}", stage.ping)).await;
    browser.until("document.querySelector('#s-2')?.dataset.rev === 'executed'").await;
    let message = browser.value("document.querySelector('#s-2 a').getAttribute('href')").await;
    let client = stage.cluster.client().await;
    let Principal::Account(account) = client.principal() else { panic!("it has a key") };
    let module = ModuleId::of(example_modules::PINGPONG);
    let unit = |kind: &str| format!("/unit/{}", text(&stage.cluster.units(kind)[0]["unit"]));
    vec![
        ("network", "/".to_owned()),
        ("processes", "/processes".to_owned()),
        ("process", format!("/process/{}", stage.ping)),
        ("message", text(&message).to_owned()),
        ("graph", format!("{}/graph", text(&message))),
        ("state", format!("/process/{}/state?at=2", stage.ping)),
        ("form", format!("/process/{}/call?method=start", stage.ping)),
        ("module", format!("/module/{module}")),
        ("account", format!("/account/{account}")),
        ("units", "/units".to_owned()),
        ("scheduler", unit("scheduler")),
        ("messenger", unit("messenger")),
        ("compute", unit("compute")),
        ("outbox", "/outbox".to_owned()),
        ("search", "/search?q=proc1".to_owned()),
        ("nothing", "/search?q=nothing-of-this-kind".to_owned()),
        ("nowhere", "/nowhere".to_owned()),
        ("api", "/api".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_breaks_a_rule_of_accessibility_in_light_or_dark() {
    let axe = axe();
    let stage = Stage::set().await;
    let browser = &stage.browser;
    stage.play(5);
    // An error is on the pages too.
    stage.cluster.run(&["send", &stage.ping, "nope", "{}"]).failed(4, "unknown-method");
    stage.open("/").await;
    browser.run("document.querySelector('main').append(new Image())").await;
    let found = violations(&stage, &axe).await;
    assert!(found.iter().any(|rule| rule.contains("image-alt")), "it finds nothing: {found:?}");
    let mut wrong = Vec::new();
    for (name, path) in pages(&stage).await {
        for (width, scheme) in [(1_280, "light"), (1_280, "dark"), (390, "light"), (390, "dark")] {
            browser.show(width, scheme, true).await;
            browser.go(&format!("{}{path}", stage.site)).await;
            let wide = browser.value("document.documentElement.scrollWidth").await;
            assert_eq!(wide, width, "{name} is wider than the screen");
            keep(name, scheme, width, &browser.screenshot().await);
            let found = violations(&stage, &axe).await;
            wrong.extend(found.into_iter().map(|rule| format!("{name} {scheme} {width}: {rule}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.cluster.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_leads_to_the_search_and_to_a_process() {
    let stage = Stage::set().await;
    let browser = &stage.browser;
    stage.play(1);
    stage.open("/").await;
    browser.until(&format!("document.querySelector('#p-{} a')", stage.ping)).await;
    browser.press("\u{e004}").await;
    let skip = browser.value("document.activeElement.textContent").await;
    assert_eq!(skip, "Skip to content", "the way past the links is the first of all");
    tab_to(&stage, "#q").await;
    assert_ne!(browser.value(OUTLINE).await, "none", "the focus shows");
    tab_to(&stage, &format!("#p-{} a", stage.ping)).await;
    assert_ne!(browser.value(OUTLINE).await, "none", "the focus shows");
    browser.press("\u{e007}").await;
    browser.until(&format!("location.pathname === '/process/{}'", stage.ping)).await;
    // Back to the search, and from there to the other.
    tab_to(&stage, "#q").await;
    browser.press(&format!("{}\u{e007}", stage.pong)).await;
    browser.until(&format!("location.pathname === '/process/{}'", stage.pong)).await;
    stage.end().await;
}

/// How the outline of the element that has the focus is drawn.
const OUTLINE: &str = "getComputedStyle(document.activeElement).outlineStyle";

/// Presses Tab until the first element of a selector has the focus.
async fn tab_to(stage: &Stage, selector: &str) {
    const PRESSES: usize = 200;
    let reached = format!("document.activeElement === document.querySelector({selector:?})");
    for _ in 0..PRESSES {
        if stage.browser.value(&reached).await == true {
            return;
        }
        stage.browser.press("\u{e004}").await;
    }
    panic!("{selector} is not reached by Tab");
}
