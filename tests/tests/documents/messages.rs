//! The headings of `docs/troubleshooting.md` are messages as they are printed: whoever searches for one must find it.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts::root;
use flinkmem_tests::documents::Page;
use std::path::Path;

/// Headings below these are messages of flinkmem itself.
const OURS: [&str; 2] = ["What the agent prints", "What flinkmem prints"];

#[test]
fn every_message_in_a_heading_is_in_the_code() -> Result<()> {
    let code = code()?;
    let page = Page::open("docs/troubleshooting.md")?;
    let mut of_ours = false;
    let mut checked = 0;
    for (depth, heading) in page.headings() {
        match depth {
            2 => of_ours = OURS.contains(&heading),
            3 if of_ours => {
                for piece in pieces(heading) {
                    ensure!(
                        code.contains(&piece),
                        "no code prints {piece:?}, of the heading {heading:?}"
                    );
                }
                checked += 1;
            }
            _ => {}
        }
    }
    ensure!(checked >= 15, "only {checked} messages");
    Ok(())
}

/// A heading's fixed words: what stands between its placeholders, which are `…`.
fn pieces(heading: &str) -> Vec<String> {
    let message = heading.trim_matches('`');
    message
        .split('…')
        .map(|piece| {
            piece
                .trim_end_matches([' ', ';', ':', ','])
                .trim_start()
                .to_owned()
        })
        .filter(|piece| piece.len() > 3)
        .collect()
}

/// The text of all crates that print something, with string literals that go over several lines in one.
fn code() -> Result<String> {
    let mut text = String::new();
    for folder in ["agent/src", "native/src", "trace/src", "analyzer/src"] {
        append(&root().join(folder), &mut text)?;
    }
    Ok(text)
}

fn append(folder: &Path, text: &mut String) -> Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            append(&path, text)?;
        } else {
            let source = std::fs::read_to_string(&path)?;
            let joined = source
                .split("\\\n")
                .map(str::trim_start)
                .collect::<Vec<_>>()
                .concat();
            text.push_str(&joined);
        }
    }
    Ok(())
}
