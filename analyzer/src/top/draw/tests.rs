//! Pictures of a view that was put together by hand, at the sizes that people have.

use super::{Palette, Scene, draw, draw_choice};
use crate::finding::{Forecast, Severity};
use crate::top::choice::ChoiceRow;
use crate::top::screen::{Page, Panel, Rows, Screen, Wish, put_in_order};
use crate::top::view::{
    Exhaustion, FindingRow, Pace, PoolRow, SiteRow, ThreadRow, ThreadRowKind, Unit, View, Vital,
};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use std::time::Duration;

const MIB: u64 = 1 << 20;

fn pool(name: &str, used: u64, limit: Option<u64>, pace: Option<Pace>) -> PoolRow {
    PoolRow {
        name: name.to_owned(),
        used: Some(used),
        limit,
        pace,
        ..PoolRow::default()
    }
}

fn part(row: PoolRow) -> PoolRow {
    PoolRow {
        is_part: true,
        ..row
    }
}

/// A TaskManager whose user code leaks direct memory, with a child.
fn leak() -> View {
    let per_minute = |mib: f64| Some(Pace::PerMinute(mib * MIB as f64));
    let steady = Some(Pace::Steady);
    let forecast = Forecast {
        exhausted_in_s: 840.0,
        earliest_s: 660.0,
        latest_s: 1140.0,
    };
    let vital = |name, value: &str| Vital {
        name,
        value: value.to_owned(),
        is_high: false,
    };
    let site = |name: &str, live_bytes, share, old_share, pace| SiteRow {
        name: name.to_owned(),
        live_bytes,
        share,
        old_share,
        pace,
    };
    let threads = |name: &str, count, grown| ThreadRow {
        kind: ThreadRowKind::Threads,
        name: name.to_owned(),
        count,
        grown: Some(grown),
        resident_bytes: None,
    };
    View {
        process: "TaskManager on tm-0, pid 4711, Flink 1.20.5, JDK 17.0.15".to_owned(),
        // 2026-01-01T00:00:00Z
        at_ms: 1_767_225_600_000,
        vitals: vec![
            vital("GC", "0.3 % of time, longest 41 ms"),
            vital("CPU", "0.12 cores"),
            vital("Java threads", "43"),
            vital("classes", "8349"),
            vital("up", "3 h 12 min"),
            vital("agent", "0.04 % CPU, 360 KiB, 1.20 MiB on disk"),
        ],
        jobs: vec!["job 4496f3b0: 2 of 2 tasks running, attempt 0, checkpoint 14".to_owned()],
        pools: vec![
            pool("container", 700 * MIB, Some(1024 * MIB), per_minute(2.0)),
            pool("resident", 720 * MIB, Some(1024 * MIB), per_minute(2.0)),
            PoolRow {
                has_garbage: true,
                ..pool("jvm_heap", 180 * MIB, Some(186 * MIB), None)
            },
            part(pool("after collections", 40 * MIB, Some(186 * MIB), steady)),
            PoolRow {
                exhaustion: Some(Exhaustion::In(forecast)),
                ..pool("jvm_direct", 132 * MIB, Some(160 * MIB), per_minute(2.0))
            },
            part(pool("network", 12 * MIB, Some(64 * MIB), steady)),
            part(pool("task_off_heap", 30 * MIB, Some(0), per_minute(2.0))),
            pool("managed", 0, Some(230 * MIB), steady),
            pool("jvm_metaspace", 239 * MIB, Some(256 * MIB), per_minute(-0.5)),
            PoolRow {
                unit: Unit::Count,
                ..pool("threads", 58, Some(1024), Some(Pace::PerMinute(0.25)))
            },
        ],
        sites: vec![
            site("com.acme.DirectLeakJob$Enricher.lookUp:47", 30 * MIB, 0.32, 0.94, per_minute(2.0)),
            site("org.apache.flink.runtime.io.network.buffer.NetworkBufferPool.<init>:128", 64 * MIB, 0.68, 1.0, steady),
        ],
        findings: vec![FindingRow {
            severity: Severity::Warning,
            label: "direct_leak",
            confidence: 0.93,
            text: "com.acme.DirectLeakJob$Enricher.lookUp leaks direct memory, 100 % of the growth. Exhausted in 14 min (11 to 19 min).".to_owned(),
            index: 0,
        }],
        threads: vec![
            ThreadRow {
                kind: ThreadRowKind::Child,
                name: "python3 (4800)".to_owned(),
                count: 4,
                grown: None,
                resident_bytes: Some(88 * MIB),
            },
            threads("flink-pekko.actor.default-dispatcher-#", 5, 0),
            threads("acme-uploader-#", 12, 7),
        ],
        no_sites: "none sampled yet",
        no_findings: "Nothing found in 42 s: 30 rules say no, 4 lack data.".to_owned(),
        caution: None,
        end: None,
    }
}

fn screen() -> Screen {
    Screen::new(Duration::from_secs(1))
}

fn drawn(
    view: &View,
    screen: &Screen,
    size: (u16, u16),
    has_colours: bool,
) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let scene = Scene {
        screen,
        palette: Palette { has_colours },
        now_ms: Some(view.at_ms + 500),
        has_keys: true,
    };
    terminal
        .draw(|frame| draw(frame.area(), frame.buffer_mut(), view, scene))
        .unwrap();
    terminal
}

fn lines(terminal: &Terminal<TestBackend>) -> Vec<String> {
    let text = terminal.backend().to_string();
    text.lines()
        .map(|line| line.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn at_80_by_24() {
    insta::assert_snapshot!(drawn(&leak(), &screen(), (80, 24), true).backend());
}

#[test]
fn at_120_by_40() {
    insta::assert_snapshot!(drawn(&leak(), &screen(), (120, 40), true).backend());
}

#[test]
fn at_60_by_15_the_verdict_and_the_panel_with_the_focus_are_there() {
    for panel in Panel::ALL {
        let screen = Screen { panel, ..screen() };
        let lines = lines(&drawn(&leak(), &screen, (60, 15), true));
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(has("WARNING  direct_leak, 93 % sure"), "{lines:#?}");
        let heading = ["Pools", "Findings", "Call sites", "Threads"][panel.index()];
        assert!(has(heading), "{panel:?} {lines:#?}");
    }
}

#[test]
fn without_the_agent_it_says_what_is_missing_and_what_to_do() {
    let view = View {
        sites: Vec::new(),
        findings: Vec::new(),
        no_sites: "unknown without the agent",
        caution: Some(
            "no agent: call sites and direct memory in use are unknown; flinkmem attach 4711"
                .to_owned(),
        ),
        ..leak()
    };
    insta::assert_snapshot!(drawn(&view, &screen(), (80, 24), true).backend());
}

#[test]
fn what_was_measured_long_ago_or_is_paused_is_told() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let screen = Screen {
        is_paused: true,
        ..screen()
    };
    let scene = Scene {
        screen: &screen,
        palette: Palette { has_colours: false },
        now_ms: Some(leak().at_ms + 90_000),
        has_keys: true,
    };
    let view = leak();
    terminal
        .draw(|frame| draw(frame.area(), frame.buffer_mut(), &view, scene))
        .unwrap();
    let first = &lines(&terminal)[0];
    assert!(first.ends_with("PAUSED  90 s ago  00:00:00Z"), "{first}");
}

#[test]
fn without_colours_there_is_none() {
    let colours = |has_colours| {
        let terminal = drawn(&leak(), &screen(), (120, 40), has_colours);
        let cells = terminal.backend().buffer().content.clone();
        cells
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert!(colours(true) > 0);
    assert_eq!(colours(false), 0);
}

#[test]
fn the_order_of_a_panel_changes_with_s() {
    let mut screen = screen();
    let rows = Rows::of(&leak());
    let press =
        |screen: &mut Screen, key| screen.press(KeyEvent::new(key, KeyModifiers::NONE), rows);
    press(&mut screen, KeyCode::Char('s'));
    let mut view = leak();
    put_in_order(&mut view, &screen);
    assert_eq!(view.pools[0].name, "jvm_heap");
    press(&mut screen, KeyCode::Tab);
    press(&mut screen, KeyCode::Tab);
    press(&mut screen, KeyCode::Char('s'));
    put_in_order(&mut view, &screen);
    assert_eq!(view.sites[0].live_bytes, 64 * MIB);
    press(&mut screen, KeyCode::Tab);
    press(&mut screen, KeyCode::Char('s'));
    put_in_order(&mut view, &screen);
    assert_eq!(view.threads[0].name, "acme-uploader-#");
}

#[test]
fn keys_do_what_the_help_says() {
    let rows = Rows::of(&leak());
    let mut screen = screen();
    let mut press = |code| {
        let wish = screen.press(KeyEvent::new(code, KeyModifiers::NONE), rows);
        (wish, screen.clone())
    };
    assert_eq!(press(KeyCode::Char('q')).0, Wish::Quit);
    assert_eq!(press(KeyCode::Enter).0, Wish::Open);
    assert_eq!(press(KeyCode::Esc).0, Wish::Back);
    assert_eq!(press(KeyCode::Char('r')).0, Wish::Look);
    assert!(press(KeyCode::Char('p')).1.is_paused);
    assert!(!press(KeyCode::Char('p')).1.is_paused);
    assert_eq!(press(KeyCode::Char('+')).1.interval, Duration::from_secs(2));
    assert_eq!(press(KeyCode::Char('-')).1.interval, Duration::from_secs(1));
    assert_eq!(press(KeyCode::BackTab).1.panel, Panel::Threads);
    assert_eq!(press(KeyCode::End).1.selected[3], 2);
    assert_eq!(press(KeyCode::Up).1.selected[3], 1);
    assert_eq!(press(KeyCode::Right).1.panel, Panel::Pools);
    let page = press(KeyCode::Char('?')).1.page.unwrap();
    assert!(page.text.contains("Enter"), "{page:?}");
    // On a page q closes the page.
    assert_eq!(press(KeyCode::Char('q')), (Wish::Draw, screen.clone()));
    assert_eq!(screen.page, None);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.press(control_c, rows), Wish::Quit);
}

#[test]
fn a_page_lies_over_everything_and_scrolls_to_its_last_line() {
    let text: String = (1..=50).map(|line| format!("line {line}\n")).collect();
    let mut screen = screen();
    screen.page = Some(Page::new("direct_leak", &text));
    screen.press(
        KeyEvent::new(KeyCode::End, KeyModifiers::NONE),
        Rows::of(&leak()),
    );
    let lines = lines(&drawn(&leak(), &screen, (80, 24), true));
    assert_eq!(lines[0].trim(), "direct_leak");
    assert_eq!(lines[1].trim(), "line 50");
    assert!(lines[23].contains("lines 50 to 50 of 50"), "{lines:#?}");
}

#[test]
fn the_list_of_traces() {
    let row = |severity, is_running, process: &str, text: &str| ChoiceRow {
        severity,
        is_running,
        process: process.to_owned(),
        text: text.to_owned(),
    };
    let rows = [
        row(
            Some(Severity::Critical),
            true,
            "TaskManager on tm-0, pid 4711, Flink 1.20.5",
            "direct_leak: com.acme.Enricher.open leaks direct memory, 100 % of the growth.",
        ),
        row(
            None,
            false,
            "JobManager on jm-0, pid 17, Flink 1.20.5",
            "Nothing found in 3 h: 30 rules say no, 4 lack data.",
        ),
    ];
    let screen = screen();
    let scene = Scene {
        screen: &screen,
        palette: Palette { has_colours: true },
        now_ms: None,
        has_keys: true,
    };
    let mut terminal = Terminal::new(TestBackend::new(80, 10)).unwrap();
    terminal
        .draw(|frame| draw_choice(frame.area(), frame.buffer_mut(), &rows, scene))
        .unwrap();
    insta::assert_snapshot!(terminal.backend());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_size_is_drawn(width in 1u16..220, height in 1u16..70, panel in 0usize..4, selected in 0usize..40) {
        let screen = Screen { panel: Panel::ALL[panel], selected: [selected; 4], ..screen() };
        drawn(&leak(), &screen, (width, height), true);
        drawn(&View::default(), &screen, (width, height), true);
    }
}
