//! The documents as what can be tried: their blocks, the commands in them, their links.

mod block;
mod console;
mod link;
mod resemblance;

pub use block::Block;
pub use console::Example;
pub use link::Link;
pub use resemblance::{missing, without_figures};

use crate::artefacts::root;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// One document.
#[derive(Debug, Clone)]
pub struct Page {
    /// Relative to the checkout's root, such as `docs/options.md`.
    pub name: String,
    /// Its Markdown.
    pub text: String,
}

impl Page {
    /// The page of that name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(root().join(name))
            .with_context(|| format!("cannot read {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            text,
        })
    }

    /// All documents: what lies at the root, and everything below `docs`.
    ///
    /// # Errors
    /// When a directory cannot be listed or a page not be read.
    pub fn all() -> Result<Vec<Self>> {
        let mut files = markdown_in(&root(), false)?;
        files.extend(markdown_in(&root().join("docs"), true)?);
        files.sort();
        let names = files.iter().map(|file| {
            let relative = file.strip_prefix(root()).unwrap_or(file);
            relative.display().to_string()
        });
        names.map(|name| Self::open(&name)).collect()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        root().join(&self.name)
    }

    /// Its headings, without their signs.
    pub fn headings(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut in_a_block = false;
        self.text.lines().filter_map(move |line| {
            if line.trim_start().starts_with("```") {
                in_a_block = !in_a_block;
            }
            let depth = line.bytes().take_while(|byte| *byte == b'#').count();
            let title = line.get(depth..)?.strip_prefix(' ')?;
            (depth > 0 && !in_a_block).then_some((depth, title))
        })
    }

    /// Its fenced blocks of one language.
    pub fn blocks(&self, language: &str) -> impl Iterator<Item = Block> {
        block::blocks(&self.text)
            .into_iter()
            .filter(move |block| block.language == language)
    }

    /// The only block of `language` below the heading `heading`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn block_below(&self, heading: &str, language: &str) -> Result<String> {
        let mut found = self
            .blocks(language)
            .filter(|block| block.heading == heading);
        let first = found
            .next()
            .with_context(|| format!("{}: no {language} block below {heading:?}", self.name))?;
        anyhow::ensure!(
            found.next().is_none(),
            "{}: more than one {language} block below {heading:?}",
            self.name
        );
        Ok(first.text)
    }

    /// Every command in its `console` blocks, with what is shown below it.
    #[must_use]
    pub fn examples(&self) -> Vec<Example> {
        self.blocks("console")
            .flat_map(|block| console::examples(&block))
            .collect()
    }

    /// Its links.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        link::links(&self.text)
    }
}

fn markdown_in(directory: &Path, deep: bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && deep {
            found.extend(markdown_in(&path, deep)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(found)
}
