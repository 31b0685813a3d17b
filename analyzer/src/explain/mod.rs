//! The labels explained: their pages of `docs/labels/`, which the program carries with it.
//!
//! What a page says is the page's; this finds the one that is meant and sets it for a terminal.

mod page;

pub use page::to_terminal;

use crate::finding::Label;

/// Names alike enough to be meant, from 0 to 1; by trial with misspelt labels: two letters of a short one, four of a long one.
const ALIKE: f64 = 0.65;

/// Names proposed for one that does not exist.
const MOST_PROPOSED: usize = 3;

/// A name that no label has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no label{}; flinkmem explain lists all", meant(.nearest))]
pub struct NoSuchLabel {
    /// The name that was given.
    pub name: String,
    /// The labels that may be meant, the likeliest first.
    pub nearest: Vec<Label>,
}

fn meant(nearest: &[Label]) -> String {
    let names: Vec<&str> = nearest.iter().map(|label| label.name()).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("; nearest: {}", names.join(", ")),
    }
}

/// The label of that name; hyphens, blanks and capitals are as good as the real spelling.
///
/// # Errors
/// [`NoSuchLabel`], with the nearest names.
pub fn label(name: &str) -> Result<Label, NoSuchLabel> {
    let spelt = name.trim().to_lowercase().replace(['-', ' '], "_");
    let found = Label::ALL.iter().find(|label| label.name() == spelt);
    found.copied().ok_or_else(|| NoSuchLabel {
        name: name.to_owned(),
        nearest: nearest(&spelt),
    })
}

/// Labels that contain the name, then those spelt nearly so.
fn nearest(name: &str) -> Vec<Label> {
    let contains = |label: &Label| name.len() > 2 && label.name().contains(name);
    let mut scored: Vec<(f64, Label)> = Label::ALL
        .iter()
        .map(|label| {
            let alike = strsim::normalized_damerau_levenshtein(name, label.name());
            (if contains(label) { 1.0 + alike } else { alike }, *label)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let labels = scored.into_iter().map(|(_, label)| label);
    labels.take(MOST_PROPOSED).collect()
}

/// All labels with what each is, a line or two each, 80 columns.
#[must_use]
pub fn list() -> String {
    let width = Label::ALL.iter().map(|label| label.name().len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::from("Labels; flinkmem explain LABEL says more of one.\n\n");
    for label in Label::ALL {
        let first = format!("  {:width$}  ", label.name());
        let rest = " ".repeat(first.len());
        let description = label.description().replace('`', "");
        text.push_str(&page::wrapped(&description, &first, &rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every page has, in this order; a heading may say more after these words.
    const SECTIONS: [&str; 4] = [
        "What it is",
        "How it is told from",
        "What to do",
        "What it looks like",
    ];

    #[test]
    fn every_label_has_a_page_with_all_sections() {
        for label in Label::ALL {
            let name = label.name();
            let page = label.page();
            assert!(page.starts_with(&format!("# {name}\n")), "title of {name}");
            let headings: Vec<&str> = page
                .lines()
                .filter_map(|line| line.strip_prefix("## "))
                .collect();
            let positions: Vec<Option<usize>> = SECTIONS
                .iter()
                .map(|section| headings.iter().position(|found| found.starts_with(section)))
                .collect();
            assert!(
                positions.iter().all(Option::is_some) && positions.is_sorted(),
                "{name}.md wants the sections {SECTIONS:?}, has {headings:?}"
            );
            for body in page.split("\n## ").skip(1) {
                let (heading, text) = body.split_once('\n').unwrap_or((body, ""));
                assert!(!text.trim().is_empty(), "{name}.md, {heading}: empty");
            }
        }
    }

    #[test]
    fn the_index_lists_every_label_and_no_other() {
        let index = include_str!("../../../docs/labels/README.md");
        let listed: Vec<&str> = index
            .lines()
            .filter_map(|line| line.strip_prefix("| [")?.split_once("](")?.0.into())
            .collect();
        let names: Vec<&str> = Label::ALL.iter().map(|label| label.name()).collect();
        assert_eq!(listed, names, "docs/labels/README.md");
        for label in Label::ALL {
            assert!(index.contains(label.description()), "{}", label.name());
        }
    }

    #[test]
    fn a_label_is_found_however_it_is_spelt() {
        for name in ["direct_leak", "direct-leak", " Direct Leak "] {
            assert_eq!(label(name), Ok(Label::DirectLeak), "{name}");
        }
    }

    #[test]
    fn an_unknown_label_names_the_nearest() {
        let error = |name: &str| label(name).unwrap_err().to_string();
        assert_eq!(
            error("direct_leek"),
            "`direct_leek` is no label; nearest: direct_leak; flinkmem explain lists all"
        );
        assert!(error("classloader").contains("classloader_leak"));
        assert_eq!(
            error("xyzzy"),
            "`xyzzy` is no label; flinkmem explain lists all"
        );
    }

    #[test]
    fn the_list_has_a_line_for_each_and_fits_the_terminal() {
        let list = list();
        for label in Label::ALL {
            assert!(list.contains(label.name()));
        }
        assert!(list.lines().all(|line| line.chars().count() <= 80));
    }
}
