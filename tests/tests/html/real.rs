//! The page of a real TaskManager whose job leaks direct memory.

use super::{nothing_to_complain_of, opened, page_of};
use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::DEFAULT_VERSION;
use flinkmem_tests::scenario::{self, Trial};
use flinkmem_tests::{Browser, Jdk, Trace, artefacts};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// With scripts: one play of a real Flink serves all that a reader does with its page.
#[test]
fn a_reader_can_do_with_it_what_the_page_says() -> Result<()> {
    let Some(mut browser) = opened("a_reader_can_do_with_it_what_the_page_says")? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    play(directory.path())?;
    let trace = Trace::open(directory.path())?;
    let page = page_of(directory.path())?;
    browser.open(&page)?;
    browser.wait_for("document.querySelectorAll('.frame').length > 1")?;

    it_shows_the_verdict(&mut browser)?;
    every_pool_is_drawn(&mut browser)?;
    hovering_shows_values(&mut browser, &trace)?;
    dragging_zooms_all_charts(&mut browser)?;
    keys_do_what_the_mouse_does(&mut browser)?;
    call_sites_can_be_searched_and_entered(&mut browser)?;
    a_slider_derives_every_pool_anew(&mut browser)?;
    a_refusal_is_flinks(&mut browser)?;
    colours_follow_the_system_and_the_switch(&mut browser)?;
    everything_that_takes_input_has_a_name(&mut browser)?;
    it_fits_on_a_phone_and_on_paper(&mut browser)?;
    nothing_to_complain_of(&browser, 1)?;

    browser.scripts(false)?;
    browser.open(&page)?;
    it_makes_sense_without_scripts(&mut browser)?;
    nothing_to_complain_of(&browser, 2)?;
    browser.close()
}

fn play(traces: &Path) -> Result<()> {
    let trial = Trial {
        scenario: scenario::find("direct-leak")?,
        flink: DEFAULT_VERSION.to_owned(),
        jdk: Jdk::find(17)?,
    };
    let judgement = trial.judge(traces, &|_| {})?;
    ensure!(judgement.wrong.is_empty(), "{judgement:?}");
    Ok(())
}

fn it_shows_the_verdict(browser: &mut Browser) -> Result<()> {
    let verdict = browser.text("document.querySelector('[data-part=verdict]').innerText")?;
    assert!(verdict.contains("direct_leak"), "{verdict}");
    assert!(
        verdict.contains("DirectLeakJob$Enricher.lookUp leaks direct memory"),
        "{verdict}"
    );
    let title = browser.text("document.title")?;
    assert!(title.contains("leaks direct memory"), "{title}");
    Ok(())
}

/// Each chart has a canvas on which something is drawn in the colour of what is used.
fn every_pool_is_drawn(browser: &mut Browser) -> Result<()> {
    for chart in [
        "heap",
        "direct",
        "metaspace",
        "code_cache",
        "rss",
        "threads",
        "lanes",
        "ledger",
    ] {
        let drawn = browser.evaluate(&format!(
            "(() => {{ const canvas = document.querySelector('[data-chart={chart}] canvas'); if (!canvas) return 0; \
             const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); \
             const colours = new Set(); for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]); \
             return colours.size; }})()"
        ))?;
        ensure!(
            drawn.as_u64() > Some(1),
            "{chart} is empty: {drawn} colours"
        );
    }
    Ok(())
}

/// What is shown at the pointer is what the trace has for that time, in all charts.
fn hovering_shows_values(browser: &mut Browser, trace: &Trace) -> Result<()> {
    let (x, y) = browser.middle_of("[data-chart=direct] .u-over")?;
    browser.point(x, y)?;
    browser
        .wait_for("document.querySelector('[data-chart=heap]').classList.contains('at-cursor')")?;
    let shown =
        browser.text("document.querySelector('[data-chart=direct] .chart-value').textContent")?;
    let figure = shown
        .strip_suffix(" MiB")
        .with_context(|| format!("{shown} is not in MiB"))?;
    let shown_mib: f64 = figure.parse()?;
    let full = |end: &str| format!("Page.groups[0].full.{end}");
    let begin = browser
        .evaluate(&full("min"))?
        .as_f64()
        .context("no begin")?;
    let end = browser.evaluate(&full("max"))?.as_f64().context("no end")?;
    let middle = f64::midpoint(begin, end);
    let near: Vec<f64> = trace
        .samples
        .iter()
        .filter(|sample| (sample.t_ms as f64 / 1000.0 - middle).abs() < 2.0)
        .filter_map(|sample| Some(sample.direct?.capacity_bytes as f64 / f64::from(1 << 20)))
        .collect();
    let lowest = near.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = near.iter().copied().fold(0.0, f64::max);
    ensure!(
        (lowest - 0.1..=highest + 0.1).contains(&shown_mib),
        "{shown_mib} MiB shown, {lowest} to {highest} MiB in the trace"
    );
    Ok(())
}

fn dragging_zooms_all_charts(browser: &mut Browser) -> Result<()> {
    let (x, y) = browser.middle_of("[data-chart=heap] .u-over")?;
    browser.drag((x - 200.0, y), (x + 100.0, y))?;
    browser.wait_for(
        "Page.groups[0].isZoomed && !document.querySelector('[data-do=zoom-out]').disabled",
    )?;
    let ranges = browser.evaluate(
        "[...new Set(Page.groups[0].charts.map(({ plot }) => `${plot.scales.x.min} ${plot.scales.x.max}`))].length",
    )?;
    assert_eq!(ranges, json!(1), "one common axis");
    let share = browser.evaluate(
        "(({ range, full }) => (range.max - range.min) / (full.max - full.min))(Page.groups[0])",
    )?;
    let width =
        browser.evaluate("document.querySelector('[data-chart=heap] .u-over').clientWidth")?;
    let dragged = 300.0 / width.as_f64().context("no width")?;
    let share = share.as_f64().context("no share")?;
    ensure!(
        (share - dragged).abs() < 0.02,
        "{share} shown, {dragged} dragged over"
    );
    let (x, y) = browser.middle_of("[data-do=zoom-out]")?;
    browser.click(x, y)?;
    browser.wait_for("!Page.groups[0].isZoomed")
}

fn keys_do_what_the_mouse_does(browser: &mut Browser) -> Result<()> {
    browser.evaluate("document.activeElement.blur(), scrollTo({ top: 0, behavior: 'instant' }), document.body.focus()")?;
    browser.evaluate("document.querySelector('[data-chart=direct] .plot').focus()")?;
    browser.key("End")?;
    browser.key("ArrowLeft")?;
    browser.wait_for("[...document.querySelectorAll('article [aria-live=polite]')].some((one) => /Z: used \\d.* limit /.test(one.textContent))")?;
    browser.key("+")?;
    browser.wait_for("Page.groups[0].isZoomed")?;
    browser.key("0")?;
    browser.wait_for("!Page.groups[0].isZoomed")?;
    browser.evaluate("document.querySelector('[data-chart=lanes] .plot').focus()")?;
    browser.key("ArrowRight")?;
    browser.wait_for("!document.querySelector('[data-tip]').hidden")?;
    browser.key("Tab")?;
    browser
        .wait_for("document.activeElement.closest('[data-chart]')?.dataset.chart === 'direct'")?;
    let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle")?;
    assert_ne!(outline, "none", "what has the focus is seen");
    Ok(())
}

fn call_sites_can_be_searched_and_entered(browser: &mut Browser) -> Result<()> {
    let (x, y) = browser.middle_of(".frame.user")?;
    browser.point(x, y)?;
    browser.wait_for("/DirectLeakJob/.test(document.querySelector('[data-tip]').textContent)")?;
    browser.evaluate("document.querySelector('#p1-flame-search').focus()")?;
    for letter in ["l", "o", "o", "k", "U", "p"] {
        browser.key(letter)?;
    }
    browser.wait_for("document.querySelectorAll('.frame.match').length >= 1")?;
    let found = browser.text("document.querySelector('[data-flame] output').textContent")?;
    assert!(found.contains("MiB") && found.contains('%'), "{found}");
    browser.evaluate("document.querySelector('.frame.match').focus()")?;
    browser.key("Enter")?;
    browser.wait_for("document.querySelector('.frame.match').style.width === '100%'")?;
    browser.key("Escape")?;
    browser.key("Escape")?;
    browser.wait_for("document.activeElement.classList.contains('frame')")
}

/// A pool's size in a column of the sliders' table.
fn pool(browser: &mut Browser, pool: &str, column: u32) -> Result<String> {
    browser.text(&format!(
        "document.querySelector('[data-pool={pool}]').children[{column}].textContent"
    ))
}

fn a_slider_derives_every_pool_anew(browser: &mut Browser) -> Result<()> {
    assert_eq!(
        pool(browser, "total_process", 1)?,
        pool(browser, "total_process", 2)?
    );
    browser.evaluate("document.querySelector('#p1-what-if-process-slider').focus()")?;
    for _ in 0..40 {
        browser.key("ArrowRight")?;
    }
    browser.wait_for(
        "document.querySelector('[data-pool=total_process]').classList.contains('strong')",
    )?;
    let settings = browser.text("document.querySelector('#p1-what-if-config').textContent")?;
    let answer = model(&settings)?;
    for (name, json_name) in [
        ("total_process", "total_process"),
        ("managed", "managed"),
        ("jvm_direct", "jvm_direct"),
    ] {
        let size = answer["ok"][json_name]
            .as_u64()
            .with_context(|| format!("{answer}"))?;
        let quoted = format!("Units.bytes({size})");
        assert_eq!(
            pool(browser, name, 2)?,
            browser.text(&quoted)?,
            "{name} with {settings}"
        );
    }
    let told = browser.text("document.querySelector('.answer').textContent")?;
    assert!(
        told.contains("Flink accepts") && told.contains("1 option changed"),
        "{told}"
    );
    // The leak has filled what tasks were not meant to have at all.
    assert_eq!(pool(browser, "task_off_heap", 5)?, "no");
    Ok(())
}

fn a_refusal_is_flinks(browser: &mut Browser) -> Result<()> {
    browser.evaluate(
        "(() => { const field = document.querySelector('#p1-what-if-task_off_heap'); field.value = '100g'; \
         field.dispatchEvent(new Event('input', { bubbles: true })); })()",
    )?;
    browser.wait_for("document.querySelector('.answer').classList.contains('refused')")?;
    let settings = browser.text("document.querySelector('#p1-what-if-config').textContent")?;
    let answer = model(&settings)?;
    let message = answer["error"]["message"]
        .as_str()
        .with_context(|| format!("{answer}"))?;
    let told = browser.text("document.querySelector('.answer').textContent")?;
    assert!(told.contains(message), "{told}\n{message}");
    let reset = "[...document.querySelectorAll('.what-if button')].find((one) => one.textContent === 'Reset').click()";
    browser.evaluate(reset)?;
    browser.wait_for("document.querySelector('.answer').classList.contains('accepted')")
}

/// What `flinkmem model` makes of lines of a `config.yaml`.
fn model(settings: &str) -> Result<Value> {
    let mut command = Command::new(artefacts::flinkmem()?);
    command.args([
        "model",
        "--process",
        "tm",
        "--format",
        "json",
        "--flink-version",
        DEFAULT_VERSION,
    ]);
    for line in settings.lines() {
        let (key, value) = line.split_once(": ").context("no option")?;
        command.arg("-D").arg(format!("{key}={value}"));
    }
    Ok(serde_json::from_slice(&command.output()?.stdout)?)
}

fn colours_follow_the_system_and_the_switch(browser: &mut Browser) -> Result<()> {
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = browser.text(background)?;
    browser.prefer("dark")?;
    browser.wait_for(&format!("{background} !== '{light}'"))?;
    let dark = browser.text(background)?;
    let (x, y) = browser.middle_of("[data-do=theme]")?;
    browser.click(x, y)?;
    browser.wait_for(&format!("{background} === '{light}'"))?;
    browser.prefer("light")?;
    browser.click(x, y)?;
    browser.wait_for(&format!("{background} === '{dark}'"))?;
    browser.click(x, y)?;
    browser.wait_for(&format!("{background} === '{light}'"))
}

/// By the tree that a screen reader gets.
fn everything_that_takes_input_has_a_name(browser: &mut Browser) -> Result<()> {
    let nameless = browser.nameless()?;
    ensure!(nameless.is_empty(), "without a name: {nameless:?}");
    let landmarks = browser.evaluate("[document.querySelectorAll('main').length, document.querySelectorAll('header, footer').length]")?;
    assert_eq!(landmarks, json!([1, 2]));
    let levels = browser.evaluate("[...document.querySelectorAll('section[aria-labelledby]')].every((one) => document.getElementById(one.getAttribute('aria-labelledby'))?.tagName === 'H2')")?;
    assert_eq!(levels, json!(true));
    Ok(())
}

fn it_fits_on_a_phone_and_on_paper(browser: &mut Browser) -> Result<()> {
    browser.resize(400, 800)?;
    browser.wait_for("document.documentElement.scrollWidth <= 400")?;
    browser.wait_for(
        "document.querySelector('[data-chart=heap] canvas').getBoundingClientRect().width <= 400",
    )?;
    browser.resize(1280, 900)?;
    let paper = browser.pdf()?;
    // Base64 of `%PDF-`.
    ensure!(
        paper.starts_with("JVBERi"),
        "no PDF: {}",
        &paper[..40.min(paper.len())]
    );
    Ok(())
}

fn it_makes_sense_without_scripts(browser: &mut Browser) -> Result<()> {
    let text = browser.text("document.body.innerText")?;
    for part in [
        "leaks direct memory",
        "WHAT TO DO",
        "jvm_direct",
        "java_heap",
        "Budget",
        "Process and evidence",
    ] {
        ensure!(text.contains(part), "{part} is missing in {text}");
    }
    let visible = browser.evaluate("[...document.querySelectorAll('.needs-script')].filter((one) => one.offsetParent !== null).length")?;
    assert_eq!(visible, json!(0), "what needs scripts is not offered");
    Ok(())
}
