//! Class loaders, and what keeps them.

use super::Shown;
use super::timeline::clock;
use crate::units::bytes;
use flinkmem_trace::{Loader, LoaderClass, Loaders, PathOutcome, PathStep, RootPath};
use maud::{Markup, html};
use serde::Serialize;

/// Paths that are shown: the newest.
const MOST_PATHS: usize = 12;

/// The section; nothing where neither was recorded.
pub(super) fn section(shown: Shown<'_>, id: &str) -> Markup {
    let census = shown.case.evidence.last::<Loaders>();
    let paths: Vec<&RootPath> = shown.case.evidence.all::<RootPath>().rev().collect();
    if census.is_none() && paths.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby={ (id) "-loaders-h" } data-part="loaders" {
            h2 id={ (id) "-loaders-h" } { "Class loaders" }
            @if let Some(census) = census {
                p.lead {
                    (census.classes) " classes at " (clock(shown.case, census.taken.up_ms)) "; "
                    (census.user_loaders) " live loaders that are not the JDK's own"
                    @if census.generations > 1 {
                        ", " (census.generations) " of them define the same class"
                        @if let Some(class) = &census.generations_of { ", " code { (class) } }
                    }
                    "."
                }
                (live_loaders(&census.loaders))
                details { summary { "All loaders, by class" } (by_class(&census.by_class)) }
            }
            @if !paths.is_empty() {
                h3 { "What keeps them" }
                @for (index, path) in paths.iter().take(MOST_PATHS).enumerate() {
                    (retention(shown, path, index == 0))
                }
                @if paths.len() > MOST_PATHS { p { (paths.len() - MOST_PATHS) " older ones are left out." } }
            }
        }
    }
}

fn live_loaders(loaders: &[Loader]) -> Markup {
    let closed = |loader: &Loader| match loader.closed {
        Some(true) => "closed: its job has ended",
        Some(false) => "open",
        None => "-",
    };
    html! {
        @if !loaders.is_empty() {
            div.scroll tabindex="0" role="group" aria-label="Live class loaders" {
                table {
                    thead {
                        tr {
                            th.number scope="col" { "Number" }
                            th scope="col" { "Class" }
                            th scope="col" { "State" }
                            th.number scope="col" { "Classes" }
                            th.number scope="col" { "Threads" }
                            th scope="col" { "Shares with younger ones" }
                        }
                    }
                    tbody {
                        @for loader in loaders {
                            tr.strong[loader.closed == Some(true)] {
                                td.number { (loader.id.map_or("-".to_owned(), |id| id.to_string())) }
                                th scope="row" { code { (loader.class) } @if let Some(name) = &loader.name { " " (name) } }
                                td { (closed(loader)) }
                                td.number { (loader.classes) }
                                td.number { (loader.context_of_threads) }
                                td {
                                    @if loader.newer_generations > 0 {
                                        (loader.newer_generations) " × " code { (loader.shared_class.as_deref().unwrap_or("a class")) }
                                    } @else { "-" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn by_class(classes: &[LoaderClass]) -> Markup {
    let size = |size: Option<u64>| size.map_or("-".to_owned(), bytes);
    html! {
        div.scroll tabindex="0" role="group" aria-label="Class loaders by class" {
            table {
                thead {
                    tr {
                        th scope="col" { "Class of the loader" }
                        th.number scope="col" { "Live" }
                        th.number scope="col" { "Classes" }
                        th.number scope="col" { "Metaspace in use" }
                        th.number scope="col" { "Metaspace set aside" }
                    }
                }
                tbody {
                    @for class in classes {
                        tr {
                            th scope="row" { code { (class.class) } }
                            td.number { (class.loaders) }
                            td.number { (class.classes) }
                            td.number { (size(class.metaspace_used_bytes)) }
                            td.number { (size(class.metaspace_reserved_bytes)) }
                        }
                    }
                }
            }
        }
    }
}

fn retention(shown: Shown<'_>, path: &RootPath, open: bool) -> Markup {
    let target = match path.target_loader {
        Some(number) => format!("{} number {number}", path.target_class),
        None => path.target_class.clone(),
    };
    let kind = path.retention.map(|kind| word(&kind));
    html! {
        details.path open[open] {
            summary {
                code { (target) } ": "
                @match path.outcome {
                    PathOutcome::Found => { "kept by " strong { (kind.unwrap_or_else(|| "other".to_owned())) } }
                    other => { (outcome(other)) }
                }
                " " span.source { (clock(shown.case, path.taken.up_ms)) }
            }
            @if let Some(holds) = &path.holds {
                p {
                    "It holds about " (holds.references) " of " code { (holds.class) }
                    @if let Some(member) = &holds.member { " by " code { (member) } }
                    "."
                }
            }
            @if !path.steps.is_empty() {
                ol.steps {
                    @if let Some(root) = &path.root {
                        li.root {
                            "root: " (word(&root.root))
                            @if let Some(thread) = &root.thread { ", thread " q { (thread) } }
                            @if let Some(method) = &root.method { ", in " code { (method) } }
                        }
                    }
                    @for step in &path.steps { (one_step(step)) }
                }
            }
        }
    }
}

fn one_step(step: &PathStep) -> Markup {
    html! {
        li {
            code { (step.class) }
            @if let Some(thread) = &step.thread { " " q { (thread) } }
            @if let Some(by) = &step.by {
                span.by {
                    " " (word(by))
                    @if let Some(field) = &step.field { " " code { (field) } }
                    @if let Some(index) = step.index { " [" (index) "]" }
                }
            } @else { span.by { " is kept" } }
        }
    }
}

fn outcome(outcome: PathOutcome) -> &'static str {
    match outcome {
        PathOutcome::Found => "kept",
        PathOutcome::Unreachable => "nothing strong leads to it; the next collection may take it",
        PathOutcome::OutOfTime => "the time for the search was used up",
        PathOutcome::OutOfRoom => "too many objects refer to it",
        PathOutcome::NoMemory => "the container had too little memory left for the search",
        PathOutcome::Refused => "the JVM refused the search",
    }
}

/// A name of the trace, as words.
fn word(name: &impl Serialize) -> String {
    let value = serde_json::to_value(name).unwrap_or_default();
    value.as_str().unwrap_or("other").replace('_', " ")
}
