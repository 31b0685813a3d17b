//! Two models side by side.

use crate::configuration::layers::pools;
use crate::model::{Model, Settings};
use serde::Serialize;

/// One pool before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The pool, by the model's name.
    pub pool: &'static str,
    /// Bytes before; absent where the first model does not know the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Bytes after; absent where the second model does not know the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

impl Row {
    /// What the pool gains, bytes.
    #[must_use]
    pub fn gain(&self) -> i128 {
        i128::from(self.after.unwrap_or_default()) - i128::from(self.before.unwrap_or_default())
    }
}

/// Every pool of either model, in the first's order.
#[must_use]
pub fn compare(before: &Model, after: &Model) -> Vec<Row> {
    let (old, new) = (pools(before), pools(after));
    let find = |claims: &[(&str, u64)], pool: &str| {
        let found = claims.iter().find(|(name, _)| *name == pool);
        found.map(|(_, bytes)| *bytes)
    };
    let mut names: Vec<&'static str> = old.iter().map(|(name, _)| *name).collect();
    let added = new
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| find(&old, name).is_none());
    names.extend(added);
    names
        .into_iter()
        .map(|pool| Row {
            pool,
            before: find(&old, pool),
            after: find(&new, pool),
        })
        .collect()
}

/// The options that differ: key, text before, text after.
#[must_use]
pub fn changed_options(
    before: &Settings,
    after: &Settings,
) -> Vec<(String, Option<String>, Option<String>)> {
    let text =
        |settings: &Settings, key: &str| settings.get(key).map(|setting| setting.value.to_string());
    let mut keys: Vec<&str> = before
        .iter()
        .chain(after.iter())
        .map(|(key, _)| key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|key| (key.to_owned(), text(before, key), text(after, key)))
        .filter(|(_, old, new)| old != new)
        .collect()
}
