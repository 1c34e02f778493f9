//! The drawing, as SVG without scripts and styles of its own: colours come from the stylesheet.
//!
//! Arrows run in the gaps between rows and along the left of lanes, never behind a box.

use maud::{Markup, html};

use super::{
    layout::{Layout, Placed},
    rest,
    words::{Came, call_of, latency},
};
use crate::{
    explorer::{
        facts::{GraphFacts, Names},
        show::{args_line, plain, short},
    },
    trace::{Node, Tree},
};

/// The width of a lane.
const LANE: usize = 196;

/// How far a box is from the left of its lane; arrows run there.
const GUTTER: usize = 28;

/// Width and height of a box.
const BOX: (usize, usize) = (156, 44);

/// From the top of a row to that of the next.
const ROW: usize = 82;

/// Height of the names of lanes.
const HEAD: usize = 34;

/// Room between them and the first row, for what stands at its arrow.
const SPACE: usize = 12;

/// Arrows of different causes that run beside each other, and how far apart.
const TRACKS: (usize, usize) = (5, 4);

/// The drawing.
pub(super) fn svg(facts: &GraphFacts, layout: &Layout, names: &Names) -> Markup {
    let tree = &facts.tree;
    let width = layout.lanes.len().max(1).saturating_mul(LANE);
    let height = top(layout.rows);
    html! {
        // A group, not an image: the parts of an image are hidden from assistive technology, and
        // these are links.
        svg.graph role="group" aria-labelledby="graph-title graph-text" width=(width)
            height=(height) viewBox={ "0 0 " (width) " " (height) } {
            title #graph-title { "Causal graph" }
            desc #graph-text {
                (layout.places.len()) " messages in " (layout.lanes.len())
                " processes. The list below says the same."
            }
            @for (lane, process) in layout.lanes.iter().enumerate() {
                rect class={ "lane" @if lane % 2 == 1 { " odd" } } x=(lane.saturating_mul(LANE)) y="0"
                    width=(LANE) height=(height) {}
                svg x=(lane.saturating_mul(LANE)) y="0" width=(LANE) height=(HEAD) {
                    @match process {
                        Some(process) => a href={ "/process/" (process) } {
                            title { (process) }
                            text.name x=(GUTTER) y="22" {
                                @match names.get(process) {
                                    Some(name) => (plain(name, 24)),
                                    None => (short(&process.to_string())),
                                }
                            }
                        }
                        None => text.name x=(GUTTER) y="22" { "not known" },
                    }
                }
            }
            g aria-hidden="true" {
                @for place in layout.places.iter().chain(&layout.folds) {
                    @if let Some(cause) = place.cause.and_then(|cause| layout.places.get(cause)) {
                        (arrow(cause, place))
                    }
                }
            }
            @for place in &layout.places {
                @if let Some(node) = tree.nodes.get(place.node) { (node_box(tree, node, place)) }
            }
            @for place in &layout.folds {
                @if let Some(node) = tree.nodes.get(place.node) { (fold_box(node, place)) }
            }
        }
    }
}

/// The top of a row.
const fn top(row: usize) -> usize {
    row.saturating_mul(ROW).saturating_add(HEAD + SPACE)
}

/// The left of a lane's boxes.
const fn left(lane: usize) -> usize {
    lane.saturating_mul(LANE).saturating_add(GUTTER)
}

/// From beneath the cause through the gap to the gutter of the effect, and into its left. Effects of
/// one cause share a line as far as they go the same way.
fn arrow(cause: &Placed, effect: &Placed) -> Markup {
    let (tracks, apart) = TRACKS;
    let shift = (cause.node % tracks).saturating_mul(apart);
    let (from_x, from_y) = (left(cause.lane) + GUTTER, top(cause.row) + BOX.1);
    let (gap, gutter) = (from_y + 3 + shift, left(effect.lane) - GUTTER + 4 + shift);
    let (to_x, to_y) = (left(effect.lane), top(effect.row) + BOX.1 / 2);
    let (back, above, beneath) = (to_x - 6, to_y - 4, to_y + 4);
    html! {
        path.edge d={ "M" (from_x) " " (from_y) "V" (gap) "H" (gutter) "V" (to_y) "H" (back) } {}
        path.tip d={ "M" (back) " " (above) "L" (to_x) " " (to_y) "L" (back) " " (beneath) "z" } {}
    }
}

fn node_box(tree: &Tree, node: &Node, place: &Placed) -> Markup {
    let (x, y) = (left(place.lane), top(place.row));
    let (width, height) = BOX;
    let call = call_of(node);
    let kind = call.as_ref().map_or("message", |call| call.kind);
    let came = Came::of(node);
    let slot = node.hop().map(|hop| hop.record.assignment.slot);
    let asked = call.as_ref().and_then(|call| call.method.as_deref());
    let shown = html! {
        title {
            @if let Some(entry) = node.entry { (entry) "\n" }
            (kind) @if let Some(asked) = asked { " " (plain(asked, 80)) }
            @if let Some(args) = call.as_ref().and_then(|call| call.args.as_ref()) {
                "(" (args_line(args)) ")"
            }
            "\n" (came.text)
        }
        // Its own drawing, so that nothing reaches out of the box.
        svg x=(x) y=(y) width=(width) height=(height) {
            rect class={ "node " (came.tone) @if place.node == 0 { " here" } } x="1" y="1" rx="6"
                width=(width - 2) height=(height - 2) {}
            rect class={ "tone " (came.tone) } x="1" y="7" width="4" height=(height - 14) {}
            text.asked x="13" y="18" {
                @if let Some(slot) = slot { (slot) " · " }
                (plain(asked.unwrap_or(kind), 24))
            }
            text class={ "came " (came.tone) } x="13" y="35" { (plain(&came.text, 26)) }
        }
    };
    html! {
        @match (slot, node.entry) {
            (Some(_), Some(entry)) => a href={ "/message/" (entry) } { (shown) },
            _ => g { (shown) },
        }
        @if node.parent.is_some() {
            text.hop x=(x + 2) y=(y - 5) {
                (kind) @if let Some(latency) = latency(tree, node) { " · " (latency) }
                @if node.hop().is_some_and(|hop| hop.proof.is_err()) { " (unsigned)" }
            }
        }
    }
}

fn fold_box(node: &Node, place: &Placed) -> Markup {
    let (x, y) = (left(place.lane), top(place.row));
    let (width, height) = BOX;
    let shown = html! {
        svg x=(x) y=(y) width=(width) height=(height) {
            rect.fold x="1" y="1" rx="6" width=(width - 2) height=(height - 2) {}
            text.more x="13" y="26" { "and " (node.folded) " more" }
        }
    };
    match rest(node) {
        Some(address) => html! { a href=(address) { (shown) } },
        None => html! { g { (shown) } },
    }
}
