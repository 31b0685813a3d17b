//! Any bytes as what Kubernetes tells of pods, JSON or YAML: no panic, and a report that can be printed.

#![no_main]

use flinkmem_analyzer::case::{Case, Source, SourceKind, SourceLines, Surroundings};
use flinkmem_analyzer::configuration::yaml_document;
use flinkmem_analyzer::lines::read_pods;
use flinkmem_analyzer::report::{Report, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let document = serde_json::from_str(&text).ok();
    let Some(document) = document.or_else(|| yaml_document(&text)) else {
        return;
    };
    let gathered = read_pods(&document, 0);
    let source = Source::new("pod.json".into(), SourceKind::Text, &gathered);
    let counts = gathered.facts.iter().map(|told| gathered.count(&told.fact)).collect();
    let case = Case::of_lines(vec![SourceLines { source, told: gathered.facts, counts }]);
    let _ = to_text(&Report::of(&case, &Surroundings::default()));
});
