use std::{collections::BTreeSet, fs, time::Duration};

use protocol::Role;

use super::{own::FAMILIES, *};
use crate::explorer::testing;

fn page(name: &str) -> String {
    let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// Name, type and meaning of every metric.
fn all() -> Vec<[String; 3]> {
    let row = |name: &str, kind: Kind, says: &str| {
        [format!("`{name}`"), kind.word().to_owned(), says.to_owned()]
    };
    let own = FAMILIES.iter().map(|(name, kind, says)| row(name, *kind, says));
    let units = [
        row("antiphon_unit_up", Kind::Gauge, "Whether the unit answers."),
        row("antiphon_unit_start_time_seconds", Kind::Gauge, "When the unit started."),
    ];
    let counted =
        CATALOGUE.iter().map(|counted| row(&counted.name(), counted.kind(), counted.says));
    own.chain(units).chain(counted).collect()
}

#[test]
fn every_metric_has_its_row_on_the_page_of_metrics() {
    let rows = page("metrics.md");
    let rows = rows.lines().filter_map(|line| line.strip_prefix("| `antiphon_"));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" |").map(str::trim).collect();
        [format!("`antiphon_{}", cells[0]), cells[1].to_owned(), cells[3].to_owned()]
    });
    assert_eq!(rows.collect::<Vec<_>>(), all());
}

#[test]
fn no_two_metrics_have_one_name() {
    let names: BTreeSet<_> = all().into_iter().map(|[name, ..]| name).collect();
    assert_eq!(names.len(), all().len());
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist() {
    let names: BTreeSet<String> =
        all().into_iter().map(|[name, ..]| name.trim_matches('`').to_owned()).collect();
    let dashboard: serde_json::Value = serde_json::from_str(&page("grafana.json")).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let found: Vec<_> = words.filter(|word| word.starts_with("antiphon_")).collect();
            assert!(!found.is_empty(), "{query}");
            for word in found {
                let base = word.trim_end_matches("_bucket");
                assert!(names.contains(base), "{query} asks for {word}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 15, "{asked}");
}

#[test]
fn a_unit_is_shown_with_what_it_counts_and_one_that_is_down_as_such() {
    let mut up = testing::unit(Role::Scheduler, 3, true);
    let down = testing::unit(Role::Scheduler, 4, false);
    let counters = [
        ("assigned", 7),
        ("batches", 3),
        ("commit_micros", 1_500_000),
        ("commit_le_micros:1000", 1),
        ("commit_le_micros:500000", 2),
        ("clock_offset_ahead_millis", 250),
        ("unheard_of", 1),
    ];
    up.status.as_mut().unwrap().counters =
        counters.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut text = Text::default();
    write_units(&mut text, &[up, down]);
    let text = text.finish();
    let sample = |start: &str, end: &str| {
        text.lines().any(|line| line.starts_with(start) && line.ends_with(end))
    };
    assert!(sample("antiphon_unit_up{", "} 1") && sample("antiphon_unit_up{", "} 0"), "{text}");
    assert!(sample("antiphon_scheduler_assigned_total{", "} 7"), "{text}");
    assert!(sample("antiphon_scheduler_clock_offset_ahead_seconds{", "} 0.25"), "{text}");
    let of = "antiphon_scheduler_commit_duration_seconds";
    assert!(sample(&format!("{of}_bucket{{"), "le=\"0.001\"} 1"), "{text}");
    assert!(sample(&format!("{of}_bucket{{"), "le=\"0.5\"} 2"), "{text}");
    assert!(sample(&format!("{of}_bucket{{"), "le=\"+Inf\"} 3"), "{text}");
    assert!(sample(&format!("{of}_sum{{"), "} 1.5") && sample(&format!("{of}_count{{"), "} 3"));
    assert!(!text.contains("unheard_of"));
}

#[test]
fn what_a_label_says_cannot_end_it() {
    let mut text = Text::default();
    text.family("x", Kind::Gauge, "X.");
    text.sample("", &[("code", "a\"} 1\nb\\".to_owned())], 2.0);
    assert_eq!(text.finish().lines().last().unwrap(), r#"x{code="a\"} 1\nb\\"} 2"#);
}

#[test]
fn requests_are_counted_in_classes() {
    let own = Own::default();
    for millis in [1, 2, 70_000] {
        own.note("/api/v1/units", "GET", 200, Duration::from_millis(millis));
    }
    let mut text = Text::default();
    own.write(&mut text, 5);
    let text = text.finish();
    let of = r#"route="/api/v1/units",method="GET",status="200""#;
    let name = "antiphon_gateway_request_duration_seconds";
    for (bound, count) in [("0.001", 1), ("0.0025", 2), ("60", 2), ("+Inf", 3)] {
        assert!(
            text.contains(&format!("{name}_bucket{{{of},le=\"{bound}\"}} {count}\n")),
            "{text}"
        );
    }
    assert!(text.contains("antiphon_gateway_subscribers{} 5\n"), "{text}");
}
