//! Lists of processes, and one process: what its spawn fixed, its methods, its log.

use antiphon_client::Described;
use maud::{Markup, html};
use protocol::{
    ControlAction, Limits, Principal, ProcessId, UnitId,
    schema::{Method, MethodKind, Schema, Type},
};

use super::{
    chart,
    facts::{
        LogPage, Names, Problem, ProcessFacts, ProcessList, ProcessRow, TimerFacts, WaitingFacts,
    },
    forms, log, outbox, problem,
    proven::{self, Proven},
    show::{self, full, number, plain, size, time},
    timers,
};
use crate::arguments::type_name;

/// The most epochs shown of a log.
const EPOCHS_MAX: usize = 50;

/// The most methods shown of a schema.
const METHODS_MAX: usize = 200;

/// The list of all processes.
pub(crate) fn list(list: &ProcessList, limit: u32) -> Markup {
    let shown = list.rows.len() as u64;
    let (first, last) = (list.offset.saturating_add(1), list.offset.saturating_add(shown));
    html! {
        h1 { "Processes " span.total { (number(list.total)) } }
        (missing(&list.missing))
        @if list.rows.is_empty() {
            p.empty {
                @if list.total > 0 { "There are not that many processes." }
                @else { "No process yet. " code { "antiphon spawn FILE.wasm --name NAME" } " makes one." }
            }
        } @else {
            (table(&list.rows))
        }
        nav.pages aria-label="Pages of the list" {
            @if list.offset > 0 {
                a rel="prev" href={ "/processes?offset=" (list.offset.saturating_sub(limit.into())) } { "Newer" }
            }
            @if shown > 0 { span.quiet { (number(first)) " to " (number(last)) } }
            @if last < list.total && shown > 0 { a rel="next" href={ "/processes?offset=" (last) } { "Older" } }
        }
    }
}

/// Schedulers whose processes are not in a list.
pub(super) fn missing(missing: &[(UnitId, Problem)]) -> Markup {
    html! {
        @for (unit, problem) in missing {
            p.problem role="note" {
                "Processes of scheduler " (show::unit(unit)) " are not shown: "
                (plain(&problem.detail, 200))
            }
        }
    }
}

/// Processes as a table.
pub(super) fn table(rows: &[ProcessRow]) -> Markup {
    html! {
        div.scroll {
            table.cards hidden[rows.is_empty()] {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Process" } th scope="col" { "Slots" }
                    th scope="col" { "Last slot (UTC)" }
                } }
                tbody data-rows="processes" { @for row in rows { (table_row(row)) } }
            }
        }
    }
}

fn table_row(row: &ProcessRow) -> Markup {
    let id = row.process.to_string();
    html! {
        tr id={ "p-" (id) } data-rev=(row.next) {
            td data-label="Name" {
                a.process href={ "/process/" (id) } {
                    @if row.name.is_empty() { "(no name)" } @else { bdi { (plain(&row.name, 40)) } }
                }
            }
            td data-label="Process" { a href={ "/process/" (id) } title=(id) { code.id { (show::short(&id)) } } }
            td.number data-label="Slots" { (number(row.next.get())) }
            td data-label="Last slot" { (time(row.time)) }
        }
    }
}

/// One process.
pub(crate) fn page(
    facts: &ProcessFacts,
    (log, waiting): (&LogPage, &Result<WaitingFacts, Problem>),
    timers: &Result<TimerFacts, Problem>,
    proven: &Result<Proven, Problem>,
    names: &Names,
) -> Markup {
    let spawn = &facts.described.spawn;
    let name = if spawn.name.is_empty() { "Process without a name" } else { &spawn.name };
    html! {
        p.crumbs { a href="/processes" { "Processes" } }
        h1 { bdi { (plain(name, 128)) } }
        p.lead { (full(facts.process)) }
        div.columns {
            section aria-labelledby="facts" {
                h2 #facts { "Process" }
                (self::facts(facts, names))
            }
            section aria-labelledby="methods" {
                h2 #methods { "Methods" }
                @match &facts.schema {
                    Ok(Some(schema)) => (methods(&facts.process, schema)),
                    Ok(None) => p.empty { "The module has no schema that can be read." },
                    Err(problem) => (problem::note(problem)),
                }
            }
        }
        (epochs(&facts.described))
        (proven::section(&facts.process, proven))
        (outbox::section(waiting, names))
        (timers::section(&facts.process, timers))
        (chart::section(log))
        (log::section(facts, log, names))
    }
}

/// The epochs of a log that has several: who orders each, and the policy in force.
fn epochs(described: &Described) -> Markup {
    let mut version = described.spawn.policy.version;
    let opened = described.provenance.changes.iter().map(|change| {
        let action = &change.control.unverified().action;
        if let ControlAction::Policy(policy) = action {
            version = policy.version;
        }
        (show::order(action), version)
    });
    let first = ("spawn", described.spawn.policy.version);
    let opened: Vec<_> = std::iter::once(first).chain(opened).collect();
    let rows = described.source.epochs().zip(opened).zip(0_u64..);
    let rows: Vec<_> = rows.collect();
    if rows.len() < 2 {
        return html! {};
    }
    let more = rows.len().saturating_sub(EPOCHS_MAX);
    html! {
        section aria-labelledby="epochs" {
            h2 #epochs { "Epochs " span.total { (rows.len()) } }
            div.scroll {
                table.cards {
                    thead { tr {
                        th scope="col" { "Epoch" } th scope="col" { "First slot" }
                        th scope="col" { "Scheduler" } th scope="col" { "Policy" }
                        th scope="col" { "Opened by" }
                    } }
                    tbody {
                        @for (((scheduler, first), (opened, version)), epoch) in rows.iter().rev().take(EPOCHS_MAX) {
                            tr {
                                td.number data-label="Epoch" { (number(*epoch)) }
                                td.number data-label="First slot" { (number(first.get())) }
                                td data-label="Scheduler" { (show::unit(scheduler)) }
                                td.number data-label="Policy" { "version " (version) }
                                td data-label="Opened by" { (show::badge("kind", opened)) }
                            }
                        }
                    }
                }
            }
            @if more > 0 { p.quiet { (more) " more" } }
        }
    }
}

fn facts(facts: &ProcessFacts, names: &Names) -> Markup {
    let (spawn, source) = (&facts.described.spawn, &facts.described.source);
    html! {
        dl {
            @let module = facts.module.unwrap_or(spawn.module);
            dt { "Module" }
            dd {
                (show::module(&module))
                @if module != spawn.module { ", spawned with " (show::module(&spawn.module)) }
            }
            dt { "Spawned by" } dd { (show::principal(&spawn.sender, names)) }
            dt { "Controller" } dd { (show::principal(&source.controller(), names)) }
            dt { "Scheduler" } dd { (show::unit(&source.scheduler())) }
            dt { "Compute units" }
            dd {
                (source.policy().quorum) " of " (source.policy().units.len()) ": "
                @for unit in source.policy().ranked(&facts.process) { (show::unit(&unit)) " " }
            }
            dt { "Profile" } dd { (show::brief(source.profile())) }
            dt { "Spawn" }
            dd { @match spawn.sender {
                // Its entry is a delivery of its parent, which has another identifier.
                Principal::Process(_) => a href={ "/process/" (facts.process) "?from=0" } { "slot 0" },
                _ => (show::message(&facts.process.spawn_entry(), "slot 0")),
            } }
            @for tag in &spawn.tags {
                dt { "Tag " bdi { (plain(&tag.name, 60)) } } dd { bdi { (plain(&tag.value, 200)) } }
            }
        }
        details { summary { "Limits" } (limits(&spawn.limits)) }
    }
}

fn limits(limits: &Limits) -> Markup {
    html! {
        dl {
            dt { "Gas for a slot" } dd { (number(limits.gas)) }
            dt { "Memory" } dd { (size(u64::from(limits.memory_pages) << 16)) }
            dt { "Message" } dd { (size(limits.message_bytes.into())) }
            dt { "Reply" } dd { (size(limits.reply_bytes.into())) }
            dt { "Outbox" }
            dd { (number(limits.outbox_items.into())) " items, " (size(limits.outbox_bytes.into())) }
            dt { "Open asks" } dd { (number(limits.open_asks.into())) }
            dt { "Timers" } dd { (number(limits.timers.into())) }
            dt { "Waiting messages" } dd { (number(limits.pending.into())) }
        }
    }
}

fn methods(process: &ProcessId, schema: &Schema) -> Markup {
    html! {
        p.quiet { bdi { (plain(&schema.name, 80)) }
            @if !schema.docs.is_empty() { ": " bdi { (plain(&schema.docs, 300)) } } }
        ul.methods {
            @for method in schema.methods.iter().take(METHODS_MAX) { (self::method(process, method)) }
        }
        @if schema.methods.len() > METHODS_MAX {
            p.quiet { (schema.methods.len() - METHODS_MAX) " more" }
        }
    }
}

fn method(process: &ProcessId, method: &Method) -> Markup {
    let kind = match method.kind {
        MethodKind::Init => "init",
        MethodKind::View => "view",
        MethodKind::Message => "message",
    };
    let params: Vec<String> = method
        .params
        .iter()
        .map(|param| format!("{}: {}", plain(&param.name, 40), type_name(&param.ty)))
        .collect();
    html! {
        li {
            (show::badge("kind", kind)) " "
            code {
                b { (plain(&method.name, 60)) } "(" (plain(&params.join(", "), 300)) ")"
                @if method.returns != Type::Null { " → " (plain(&type_name(&method.returns), 60)) }
            }
            (forms::link(process, method))
            @if !method.docs.is_empty() { div.quiet { bdi { (plain(&method.docs, 300)) } } }
        }
    }
}

#[cfg(test)]
mod tests;
