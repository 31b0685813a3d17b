//! Commands in `console` blocks: a line that begins with `$ ` is one, and the lines below it are what it prints.

use super::Block;

/// A command, and what the page shows of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The line of the page, from 1.
    pub line: usize,
    /// The command as it is typed; lines that end with a backslash are joined.
    pub command: String,
    /// What is shown below it; empty where nothing is.
    pub shown: String,
}

pub(super) fn examples(block: &Block) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut continued = false;
    for (index, line) in block.text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Example {
                line: block.line + index,
                command: String::new(),
                shown: String::new(),
            });
            continued = append(&mut found, command);
        } else if continued {
            continued = append(&mut found, line);
        } else if let Some(example) = found.last_mut() {
            example.shown.push_str(line);
            example.shown.push('\n');
        }
    }
    found
}

/// Adds a line to the last command; whether it goes on in the next line.
fn append(found: &mut [Example], line: &str) -> bool {
    let Some(example) = found.last_mut() else {
        return false;
    };
    let cut = line.strip_suffix('\\');
    example.command.push_str(cut.unwrap_or(line));
    cut.is_some()
}

#[cfg(test)]
mod tests {
    use super::super::block::blocks;
    use super::examples;

    #[test]
    fn commands_are_told_from_what_they_print() {
        let page = "```console\n$ a --b \\\n    c   # why\nprinted\n\nmore\n$ d\n```\n";
        let found = examples(&blocks(page)[0]);
        let commands: Vec<_> = found.iter().map(|e| (e.line, e.command.as_str())).collect();
        assert_eq!(commands, [(2, "a --b     c   # why"), (7, "d")]);
        assert_eq!(found[0].shown, "printed\n\nmore\n");
        assert_eq!(found[1].shown, "");
    }
}
