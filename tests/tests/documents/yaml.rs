//! YAML in the documents and beside them is YAML.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts::root;
use flinkmem_tests::documents::Page;
use saphyr_parser::Parser;

#[test]
fn every_block_and_every_file_parses() -> Result<()> {
    let mut parsed = 0;
    for page in Page::all()? {
        for block in page.blocks("yaml") {
            parses(&block.text).with_context(|| format!("{}:{}", page.name, block.line))?;
            parsed += 1;
        }
    }
    ensure!(parsed >= 10, "only {parsed} blocks were found");
    Ok(())
}

/// A page that shows a file of `deploy` shows it as it is: the path stands in the first line of the block, as a comment.
#[test]
fn files_that_pages_show_are_the_files() -> Result<()> {
    let mut compared = 0;
    for page in Page::all()? {
        for block in page.blocks("yaml") {
            let Some((path, shown)) = block
                .text
                .strip_prefix("# deploy/")
                .and_then(|rest| rest.split_once('\n'))
            else {
                continue;
            };
            let file = std::fs::read_to_string(root().join("deploy").join(path))?;
            parses(&file)?;
            let is_part = file.contains(shown.trim_end());
            ensure!(
                is_part,
                "{}:{} differs from deploy/{path}",
                page.name,
                block.line
            );
            compared += 1;
        }
    }
    ensure!(compared >= 2, "only {compared} files are shown");
    Ok(())
}

fn parses(text: &str) -> Result<()> {
    for event in Parser::new_from_str(text) {
        event?;
    }
    Ok(())
}
