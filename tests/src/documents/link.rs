//! Links: `[text](target)`.

/// A link of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path or address, without what follows a `#`; empty for a place on the same page.
    pub target: String,
    /// The heading that it leads to.
    pub anchor: Option<String>,
}

impl Link {
    /// Whether it leads to a file of this repository.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        !self.target.contains("://") && !self.target.starts_with("mailto:")
    }

    /// The anchor that a heading has, as GitHub makes it.
    #[must_use]
    pub fn anchor_of(heading: &str) -> String {
        let lower = heading.trim().to_lowercase();
        let kept = lower
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    }
}

pub(super) fn links(page: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut in_a_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_a_block = !in_a_block;
        } else if !in_a_block {
            found.extend(of_line(line));
        }
    }
    found
}

fn of_line(line: &str) -> impl Iterator<Item = Link> {
    line.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        let (target, anchor) = match target.split_once('#') {
            Some((target, anchor)) => (target, Some(anchor.to_owned())),
            None => (target, None),
        };
        Some(Link {
            target: target.to_owned(),
            anchor,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Link, links};

    #[test]
    fn links_are_found_outside_of_blocks() {
        let found = links("see [a](b.md#c-d) and [e](#f)\n```\n[g](h)\n```\n[i](https://j)\n");
        let targets: Vec<_> = found
            .iter()
            .map(|link| (link.target.as_str(), link.anchor.as_deref()))
            .collect();
        assert_eq!(
            targets,
            [("b.md", Some("c-d")), ("", Some("f")), ("https://j", None)]
        );
        assert!(!found[2].is_relative());
    }

    #[test]
    fn anchors_are_made_as_github_makes_them() {
        assert_eq!(
            Link::anchor_of("`OOMKilled`, exit code 137"),
            "oomkilled-exit-code-137"
        );
    }
}
