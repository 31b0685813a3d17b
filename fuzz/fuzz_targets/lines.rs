//! Any bytes as the lines of a log, a console or a report: no panic, bounded facts, and a report that can be printed.

#![no_main]

use flinkmem_analyzer::case::{Case, Source, SourceKind, SourceLines, Surroundings};
use flinkmem_analyzer::configuration::yaml_document;
use flinkmem_analyzer::lines::{Gathered, LineReader, read_pods};
use flinkmem_analyzer::report::{Report, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (gathered, _) = LineReader::new(0).read(data);
    report(gathered);
    let text = String::from_utf8_lossy(data);
    let json = serde_json::from_str(&text).ok();
    if let Some(document) = json.or_else(|| yaml_document(&text)) {
        report(read_pods(&document, 0));
    }
});

fn report(gathered: Gathered) {
    let source = Source::new("fuzz.log".into(), SourceKind::Text, &gathered);
    let counts = gathered.facts.iter().map(|told| gathered.count(&told.fact)).collect();
    let case = Case::of_lines(vec![SourceLines { source, told: gathered.facts, counts }]);
    let report = Report::of(&case, &Surroundings::default());
    assert!(report.findings.iter().all(|finding| (0.0..=1.0).contains(&finding.confidence)));
    let _ = to_text(&report);
}
