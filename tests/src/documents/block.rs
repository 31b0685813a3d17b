//! Fenced blocks.

/// What stands between two fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The word after the opening fence, such as `yaml`; empty where there is none.
    pub language: String,
    /// The heading it stands below.
    pub heading: String,
    /// The line of the page on which its text begins, from 1.
    pub line: usize,
    /// Its lines, without the indentation of its fences.
    pub text: String,
}

pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut heading = "";
    let mut open: Option<(Block, usize)> = None;
    for (index, line) in page.lines().enumerate() {
        let trimmed = line.trim_start();
        let indentation = line.len() - trimmed.len();
        match (trimmed.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let block = Block {
                    language: language.trim().to_owned(),
                    heading: heading.to_owned(),
                    line: index + 2,
                    text: String::new(),
                };
                open = Some((block, indentation));
            }
            (Some(_), Some((block, _))) => found.push(block),
            (None, Some((mut block, indentation))) => {
                let cut = indentation.min(line.len() - trimmed.len());
                block.text.push_str(&line[cut..]);
                block.text.push('\n');
                open = Some((block, indentation));
            }
            (None, None) => {
                let title = line.trim_start_matches('#');
                if title.len() < line.len() {
                    heading = title.trim();
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn a_block_knows_its_language_heading_and_line() {
        let page = "# One\n\n```yaml\na: 1\n```\n\n## Two\n\n- in a list\n\n  ```console\n  $ ls\n    x\n  ```\n";
        let found = blocks(page);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].language.as_str(), found[0].line), ("yaml", 4));
        assert_eq!(found[0].text, "a: 1\n");
        assert_eq!(found[1].heading, "Two");
        assert_eq!(found[1].text, "$ ls\n  x\n");
    }
}
