//! A YAML document as a tree, built within bounds: files are not to be trusted.

use super::yaml_scalar;
use crate::model::Value;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

/// A node of a document.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Null,
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Node,
    /// The key's line, from 1.
    pub(super) line: usize,
}

/// Aliases may repeat a subtree; together they may not make more nodes than this.
const MAX_NODES: usize = 100_000;
/// No configuration is nested deeper.
const MAX_DEPTH: usize = 64;

/// The document in `text`; null for none.
pub(super) fn read(text: &str) -> Result<Node, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        builder.event(event, span.start.line())?;
    }
    Ok(builder.document.unwrap_or(Node::Null))
}

/// A YAML document as a JSON value; scalars that are no numbers or truths are texts. `None` for what is no YAML, or too large.
#[must_use]
pub fn yaml_document(text: &str) -> Option<serde_json::Value> {
    read(text).ok().map(|node| to_json(&node))
}

fn to_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match node {
        Node::Null => Json::Null,
        Node::Scalar(value) => {
            let text = value.to_string();
            text.parse::<i64>().map_or(Json::String(text), Json::from)
        }
        Node::Sequence(nodes) => nodes.iter().map(to_json).collect(),
        Node::Mapping(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), to_json(&entry.value)));
            Json::Object(pairs.collect())
        }
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    document: Option<Node>,
    documents: usize,
    nodes: usize,
}

/// A collection that has begun.
struct Open {
    anchor: usize,
    /// Nodes made before it, to know its size when it ends.
    nodes_before: usize,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        key: Option<(String, usize)>,
    },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(format!(
                        "expected a single document, but another begins in line {line}"
                    ));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let node = match is_plain {
                    true => yaml_scalar::resolve(&text).map_or(Node::Null, Node::Scalar),
                    false => Node::Scalar(Value::Text(text.into_owned())),
                };
                self.add(node, 1, anchor, line)?;
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(format!("an alias in line {line} has no anchor before it"));
                };
                self.add(node, size, 0, line)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor, Kind::Sequence(Vec::new()), line)?
            }
            Event::MappingStart(anchor, _) => {
                let (entries, key) = (Vec::new(), None);
                self.begin(anchor, Kind::Mapping { entries, key }, line)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(line)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, kind: Kind, line: usize) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!(
                "nested deeper than {MAX_DEPTH} levels in line {line}"
            ));
        }
        let nodes_before = self.nodes;
        self.open.push(Open {
            anchor,
            nodes_before,
            kind,
        });
        Ok(())
    }

    fn end(&mut self, line: usize) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let node = match open.kind {
            Kind::Sequence(nodes) => Node::Sequence(nodes),
            Kind::Mapping { entries, .. } => Node::Mapping(entries),
        };
        let size = self.nodes - open.nodes_before + 1;
        self.nodes = open.nodes_before;
        self.add(node, size, open.anchor, line)
    }

    fn add(&mut self, node: Node, size: usize, anchor: usize, line: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(size);
        if self.nodes > MAX_NODES {
            return Err(format!(
                "more than {MAX_NODES} values, aliases included, in line {line}"
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.document = Some(node),
            Some(Kind::Sequence(nodes)) => nodes.push(node),
            Some(Kind::Mapping { entries, key }) => match key.take() {
                None => *key = Some((key_text(&node), line)),
                Some((key, line)) => {
                    if entries.iter().any(|entry| entry.key == key) {
                        return Err(format!("found duplicate key {key} in line {line}"));
                    }
                    entries.push(Entry {
                        key,
                        value: node,
                        line,
                    });
                }
            },
        }
        Ok(())
    }
}

fn key_text(node: &Node) -> String {
    match node {
        Node::Scalar(value) => value.to_string(),
        other => java_text(other),
    }
}

/// As Java prints lists and maps.
pub(super) fn java_text(node: &Node) -> String {
    match node {
        Node::Null => "null".to_owned(),
        Node::Scalar(value) => value.to_string(),
        Node::Sequence(nodes) => {
            let items: Vec<String> = nodes.iter().map(java_text).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Mapping(entries) => {
            let items: Vec<String> = entries
                .iter()
                .map(|entry| format!("{}={}", entry.key, java_text(&entry.value)))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_aliases_stop_before_they_fill_the_memory() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let above = level - 1;
            let items = vec![format!("*a{above}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(read(&text).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_tower_of_brackets_is_refused() {
        assert!(read(&"[".repeat(10_000)).is_err());
    }

    #[test]
    fn tabs_second_documents_and_literal_duplicates_are_refused() {
        for text in ["a:\n\tb: 1\n", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
