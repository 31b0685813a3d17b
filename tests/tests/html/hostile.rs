//! Class names, thread names and messages are whatever a job makes of them: on the page they are text.

use super::{header, nothing_to_complain_of, opened, page_of, write_trace};
use anyhow::Result;
use flinkmem_trace::{
    Event, EventKind, Frame, Header, Incident, IncidentKind, Loader, Loaders, Record, RootPath,
    Site, SiteUse,
};
use serde_json::json;

/// Would end a script element, an attribute, a comment, and run or load something.
const HOSTILE: &str = "x</script><script>document.title='taken'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='taken'\">'\"<!--";

#[test]
fn what_a_trace_says_stays_text() -> Result<()> {
    let Some(mut browser) = opened("what_a_trace_says_stays_text")? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let header = Header {
        host: HOSTILE.to_owned(),
        ..header("1.20.5")
    };
    write_trace(directory.path(), "tm-0", &header, &records())?;
    browser.open(&page_of(directory.path())?)?;
    browser.wait_for("document.querySelectorAll('.frame').length > 1")?;

    let title = browser.text("document.title")?;
    assert!(title.contains(HOSTILE), "{title}");
    let elements = browser
        .evaluate("document.querySelectorAll('img, iframe, object, embed, link, base').length")?;
    assert_eq!(elements, json!(0));
    let scripts = browser.evaluate(
        "[...document.scripts].filter((one) => one.type !== 'application/json').length",
    )?;
    assert_eq!(scripts, json!(1), "one script, the page's own");
    // It is there to be read, wherever it was in the trace.
    for selector in [
        "[data-part=timeline]",
        "[data-part=flame]",
        "[data-part=loaders]",
        "[data-part=facts]",
    ] {
        let text = browser.text(&format!("document.querySelector('{selector}').textContent"))?;
        assert!(text.contains("<img src="), "{selector}: {text}");
    }
    let (x, y) = browser.middle_of(".frame.user")?;
    browser.point(x, y)?;
    browser.wait_for("document.querySelector('[data-tip]').textContent.includes('<img src=')")?;
    nothing_to_complain_of(&browser, 1)?;
    browser.close()
}

#[test]
fn a_script_that_gets_into_the_page_does_not_run_nor_load() -> Result<()> {
    let Some(mut browser) = opened("a_script_that_gets_into_the_page_does_not_run_nor_load")?
    else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    write_trace(directory.path(), "tm-0", &header("1.20.5"), &[])?;
    let page = page_of(directory.path())?;
    let markup = std::fs::read_to_string(&page)?;
    // As if something had not been escaped.
    let injected = "<script>document.title='taken'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='taken'\"><p id=reached></body>";
    std::fs::write(&page, markup.replacen("</body>", injected, 1))?;
    browser.open(&page)?;
    browser.wait_for("document.getElementById('reached') !== null")?;
    assert_ne!(browser.text("document.title")?, "taken");
    let refused = browser.complaints();
    assert!(
        refused.iter().any(|one| one.contains("script-src")),
        "{refused:?}"
    );
    assert!(
        refused
            .iter()
            .any(|one| one.contains("default-src") || one.contains("img-src")),
        "{refused:?}"
    );
    browser.close()
}

fn records() -> Vec<Record> {
    let frame = Frame {
        class: HOSTILE.to_owned(),
        method: HOSTILE.to_owned(),
        loader: Some(HOSTILE.to_owned()),
        ..Frame::default()
    };
    let uses = SiteUse {
        id: 1,
        live_bytes: 32 << 20,
        live_count: 4,
        old_bytes: 0,
        samples: 64,
    };
    let site = Site {
        id: 1,
        frames: vec![frame.clone()],
        ..Site::default()
    };
    let incident = Incident {
        id: 1,
        t_ms: 1_767_225_615_000,
        up_ms: 15_000,
        incident: IncidentKind::OutOfMemoryError,
        thread: Some(HOSTILE.to_owned()),
        message: Some(HOSTILE.to_owned()),
        frames: vec![frame],
        sites: vec![uses],
        ..Incident::default()
    };
    let job = Event {
        t_ms: 1_767_225_601_000,
        up_ms: 1_000,
        event: EventKind::JobSeen,
        job: Some(HOSTILE.to_owned()),
        ..Event::default()
    };
    let loaders = Loaders {
        loaders: vec![Loader {
            id: Some(1),
            class: HOSTILE.to_owned(),
            name: Some(HOSTILE.to_owned()),
            closed: Some(true),
            ..Loader::default()
        }],
        ..Loaders::default()
    };
    let path = RootPath {
        target_class: HOSTILE.to_owned(),
        ..RootPath::default()
    };
    vec![
        Record::Site(site),
        Record::Incident(Box::new(incident)),
        Record::Event(job),
        Record::Loaders(Box::new(loaders)),
        Record::RootPath(Box::new(path)),
    ]
}
