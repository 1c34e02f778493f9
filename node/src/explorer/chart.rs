//! Charts of a page of a log: gas of its slots, and how long they took to come about. Drawn on the
//! server as SVG, with a table that says the same. Numbers are hostile: any of 64 bits fits.

use maud::{Markup, html};

use super::{
    facts::{LogPage, SlotFacts},
    show::{self, number},
};

/// The most slots of a chart.
const POINTS_MAX: usize = 200;

/// The drawing, in tenths of the units that it is laid out in.
const WIDTH: u128 = 6_000;
const HEIGHT: u128 = 2_000;

/// Where the axes meet, and where the plot ends.
const LEFT: u128 = 620;
const RIGHT: u128 = 5_960;
const TOP: u128 = 160;
const BOTTOM: u128 = 1_720;

/// The widest bar, the lowest of something that is not nothing, and the radius of a point.
const BAR_MAX: u128 = 240;
const BAR_MIN: u128 = 12;
const RADIUS: u128 = 36;

/// A value of a slot, if it is known.
#[derive(Debug, Clone)]
struct Point {
    slot: u64,
    value: Option<u64>,
    /// The message's page.
    href: String,
    /// Whether the slot ended with an error.
    bad: bool,
}

/// What is drawn of each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Bar,
    Dot,
}

/// A series of values, oldest first.
#[derive(Debug)]
struct Chart {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    /// What the axes are.
    scale: &'static str,
    mark: Mark,
    points: Vec<Point>,
}

/// The charts of a page of a log.
pub(crate) fn section(page: &LogPage) -> Markup {
    let rows = &page.log.rows;
    if rows.is_empty() {
        return html! {};
    }
    let series = |value: &dyn Fn(&SlotFacts) -> Option<u64>| -> Vec<Point> {
        rows.iter().take(POINTS_MAX).rev().map(|row| point(row, value(row))).collect()
    };
    let gas = series(&|row| Some(row.progress.executed()?.outcome.gas.get()));
    let latency = series(&|row| page.latencies.get(&row.assignment.slot).copied());
    let known = latency.iter().filter(|point| point.value.is_some()).count();
    let gas = Chart {
        id: "gas",
        title: "Gas",
        unit: "gas",
        scale: "by slot",
        mark: Mark::Bar,
        points: gas,
    };
    let latency = Chart {
        id: "latency",
        title: "Latency",
        unit: "ms",
        scale: "by slot, in milliseconds",
        mark: Mark::Dot,
        points: latency,
    };
    html! {
        div.columns.charts {
            section aria-labelledby="gas" { (figure(&gas)) }
            section aria-labelledby="latency" {
                (figure(&latency))
                p.quiet data-swap="latency-known" {
                    "From the assignment of the slot that caused it, or from when a timer was due, to \
                     its own. Known for " (known) " of " (rows.len().min(POINTS_MAX))
                    ": when a client signed stands nowhere."
                }
            }
        }
    }
}

fn point(row: &SlotFacts, value: Option<u64>) -> Point {
    let executed = row.progress.executed();
    let bad = executed
        .is_some_and(|executed| matches!(executed.outcome.reply, protocol::Reply::Failure(_)));
    let (slot, href) = (row.assignment.slot.get(), format!("/message/{}", row.assignment.entry));
    Point { slot, value, href, bad }
}

fn figure(chart: &Chart) -> Markup {
    let known = chart.points.iter().filter(|point| point.value.is_some());
    html! {
        h2 id=(chart.id) { (chart.title) " " span.total { (chart.scale) } }
        div data-swap={ "chart-" (chart.id) } {
            @if known.clone().next().is_some() { (drawing(chart)) }
            @else { p.empty { "Not known of any of these slots." } }
        }
        details {
            summary { "As a table" }
            div.scroll {
                table.plain {
                    thead { tr { th scope="col" { "Slot" } th scope="col" { (chart.title) ", " (chart.unit) } } }
                    tbody data-swap={ "table-" (chart.id) } {
                        @for point in known.rev() {
                            tr {
                                td.number { a href=(point.href) { (number(point.slot)) } }
                                td.number { (point.value.map(number).unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn drawing(chart: &Chart) -> Markup {
    let values: Vec<u64> = chart.points.iter().filter_map(|point| point.value).collect();
    let most = values.iter().max().copied().unwrap_or_default();
    let scale = Scale { top: round_up(most), count: chart.points.len() };
    let ends = [chart.points.first(), chart.points.last()].map(|end| end.map_or(0, |end| end.slot));
    let [title, desc] = ["title", "desc"].map(|part| format!("{}-{part}", chart.id));
    let summary = summary(chart, &values, ends);
    html! {
        svg.chart role="group" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-labelledby={ (title) " " (desc) } {
            title id=(title) { (chart.title) " by slot" }
            desc id=(desc) { (summary) }
            @for tick in scale.ticks() {
                @let y = scale.y(tick);
                line.grid x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                text x=(LEFT - 70) y=(y + 38) text-anchor="end" { (brief(tick)) }
            }
            text x=(LEFT) y=(HEIGHT - 90) { "slot " (number(ends[0])) }
            @if ends[1] != ends[0] {
                text x=(RIGHT) y=(HEIGHT - 90) text-anchor="end" { "slot " (number(ends[1])) }
            }
            @for (index, point) in chart.points.iter().enumerate() {
                @if let Some(value) = point.value { (mark(chart, &scale, index, point, value)) }
            }
        }
        p.quiet { (summary) }
    }
}

fn mark(chart: &Chart, scale: &Scale, index: usize, point: &Point, value: u64) -> Markup {
    let (middle, width) = scale.x(index);
    let y = scale.y(value.into());
    let class = if point.bad { "mark failed" } else { "mark" };
    html! {
        // The table has the same links for whoever goes by keyboard.
        a href=(point.href) tabindex="-1" {
            title { "Slot " (number(point.slot)) ": " (number(value)) " " (chart.unit) }
            @match chart.mark {
                Mark::Bar => {
                    @let height = (BOTTOM - y).max(if value > 0 { BAR_MIN } else { 0 });
                    rect class=(class) x=(middle.saturating_sub(width / 2)) y=(BOTTOM - height)
                        width=(width) height=(height) {}
                }
                Mark::Dot => circle class=(class) cx=(middle) cy=(y) r=(RADIUS) {},
            }
        }
    }
}

/// What a chart shows, in a sentence.
fn summary(chart: &Chart, values: &[u64], ends: [u64; 2]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let [least, most] = [sorted.first(), sorted.last()].map(|end| end.copied().unwrap_or_default());
    format!(
        "Slots {} to {}: {} to {} {}, median {}; {}.",
        number(ends[0]),
        number(ends[1]),
        number(least),
        number(most),
        chart.unit,
        number(middle),
        show::count(values.len(), "value"),
    )
}

/// How values and slots become places.
#[derive(Debug, Clone, Copy)]
struct Scale {
    top: u128,
    count: usize,
}

impl Scale {
    /// Nothing, the half and the top.
    fn ticks(&self) -> impl Iterator<Item = u128> {
        let half = Some(self.top / 2).filter(|half| *half > 0);
        [Some(0), half, Some(self.top)].into_iter().flatten()
    }

    fn y(&self, value: u128) -> u128 {
        let height = (BOTTOM - TOP).saturating_mul(value.min(self.top)) / self.top.max(1);
        BOTTOM.saturating_sub(height)
    }

    /// The middle of a slot's place, and how wide a bar is there.
    fn x(&self, index: usize) -> (u128, u128) {
        let wide = |count: usize| u128::try_from(count).unwrap_or(u128::MAX);
        let (count, index) = (wide(self.count).max(1), wide(index));
        let cell = (RIGHT - LEFT) / count;
        let start = (RIGHT - LEFT).saturating_mul(index) / count;
        let middle = LEFT.saturating_add(start).saturating_add(cell / 2);
        (middle, (cell * 7 / 10).clamp(1, BAR_MAX))
    }
}

/// The smallest 1, 2 or 5 with zeros that is not less.
fn round_up(most: u64) -> u128 {
    let most = u128::from(most).max(1);
    let mut unit: u128 = 1;
    loop {
        for step in [1, 2, 5] {
            if unit * step >= most {
                return unit * step;
            }
        }
        // 64 bits have twenty digits, so that it stays far below 128.
        unit *= 10;
    }
}

/// A number in few characters.
fn brief(value: u128) -> String {
    let units = ["", "k", "M", "G", "T", "P", "E"];
    let (mut unit, mut scale) = ("", 1_u128);
    for next in units {
        unit = next;
        if value / scale < 1_000 {
            break;
        }
        if next != "E" {
            scale *= 1_000;
        }
    }
    match (value / scale, value % scale * 10 / scale) {
        (whole, 0) => format!("{whole}{unit}"),
        (whole, tenth) => format!("{whole}.{tenth}{unit}"),
    }
}

#[cfg(test)]
mod tests;
