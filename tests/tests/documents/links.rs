//! Links in the documents.

use anyhow::{Result, ensure};
use flinkmem_tests::documents::{Link, Page};

#[test]
fn every_link_leads_to_something_that_is_there() -> Result<()> {
    let pages = Page::all()?;
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in &pages {
        for link in page.links().into_iter().filter(Link::is_relative) {
            followed += 1;
            if let Some(why) = fault(&pages, page, &link)? {
                broken.push(format!("{}: {} {why}", page.name, link.target));
            }
        }
    }
    ensure!(followed > 100, "only {followed} links were found");
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

fn fault(pages: &[Page], page: &Page, link: &Link) -> Result<Option<String>> {
    let path = page.path();
    let target = match (path.parent(), link.target.as_str()) {
        (_, "") => path.clone(),
        (Some(folder), target) => folder.join(target),
        (None, _) => path.clone(),
    };
    if !target.exists() {
        return Ok(Some("does not exist".to_owned()));
    }
    let (Some(anchor), true) = (&link.anchor, target.is_file()) else {
        return Ok(None);
    };
    let target = target.canonicalize()?;
    let Some(page) = pages
        .iter()
        .find(|page| page.path().canonicalize().is_ok_and(|path| path == target))
    else {
        return Ok(None);
    };
    let there = page
        .headings()
        .any(|(_, heading)| Link::anchor_of(heading) == *anchor);
    Ok((!there).then(|| format!("has no heading #{anchor}")))
}

/// Whoever looks for an answer finds every page from the index.
#[test]
fn every_page_is_in_the_index() -> Result<()> {
    let index = Page::open("docs/README.md")?;
    let listed: Vec<String> = index.links().into_iter().map(|link| link.target).collect();
    let pages = Page::all()?;
    let own = pages
        .iter()
        .filter_map(|page| page.name.strip_prefix("docs/"));
    let missing: Vec<&str> = own
        .filter(|name| *name != "README.md" && !name.starts_with("labels/"))
        .filter(|name| !listed.iter().any(|target| target == name))
        .collect();
    ensure!(
        missing.is_empty(),
        "docs/README.md does not lead to {missing:?}"
    );
    Ok(())
}
