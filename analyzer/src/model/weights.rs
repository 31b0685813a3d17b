//! How managed memory is divided among its consumers.

use super::changes::{Behaviour, WeightNames};
use super::java_number::{java_trim, parse_int};
use super::options::tm;
use super::reader::Reader;
use super::refusal::Refusal;

/// Weights by consumer, in Flink's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights(Vec<(&'static str, u32)>);

/// Flink divides to 16 decimal places and cuts the rest.
const PLACES: u32 = 16;

impl Weights {
    /// Weight of each consumer that has one.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.0.iter().copied()
    }

    /// Fraction of a slot's managed memory for each of the consumers that a job really has. Empty if all weigh nothing.
    #[must_use]
    pub fn fractions(&self, consumers: &[&str]) -> Vec<(&'static str, f64)> {
        let present = || self.iter().filter(|(name, _)| consumers.contains(name));
        let sum: u64 = present().map(|(_, weight)| u64::from(weight)).sum();
        present()
            .filter_map(|(name, weight)| Some((name, fraction(weight, sum)?)))
            .collect()
    }

    /// The fractions when a job has every consumer that has a weight.
    #[must_use]
    pub fn fractions_of_all(&self) -> Vec<(&'static str, f64)> {
        let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
        self.fractions(&names)
    }
}

fn fraction(weight: u32, sum: u64) -> Option<f64> {
    let scaled = u128::from(weight) * 10_u128.pow(PLACES);
    let digits = scaled.checked_div(u128::from(sum))?;
    format!("{digits}e-{PLACES}").parse().ok()
}

/// A consumer and the names that its weight may stand under, by falling priority.
type Consumer = (&'static str, &'static [&'static str]);

const OPERATOR_OR_DATAPROC: [Consumer; 3] = [
    ("OPERATOR", &["OPERATOR", "DATAPROC"]),
    ("STATE_BACKEND", &["STATE_BACKEND", "DATAPROC"]),
    ("PYTHON", &["PYTHON"]),
];
const OPERATOR: [Consumer; 3] = [
    ("OPERATOR", &["OPERATOR"]),
    ("STATE_BACKEND", &["STATE_BACKEND"]),
    ("PYTHON", &["PYTHON"]),
];

pub(crate) fn read(reader: &Reader<'_>, names: WeightNames) -> Result<Weights, Refusal> {
    let Some(configured) = configured(reader)? else {
        return Ok(defaults(names));
    };
    match names {
        WeightNames::Dataproc => strict(&configured),
        WeightNames::OperatorOrDataproc => lenient(&configured, &OPERATOR_OR_DATAPROC),
        WeightNames::Operator => lenient(&configured, &OPERATOR),
    }
}

fn defaults(names: WeightNames) -> Weights {
    Weights(match names {
        WeightNames::Dataproc => vec![("BATCH_OP", 70), ("STATE_BACKEND", 70), ("PYTHON", 30)],
        _ => vec![("OPERATOR", 70), ("STATE_BACKEND", 70), ("PYTHON", 30)],
    })
}

type Pair = (String, String);

/// The option as a map: written in one value, or as one key per consumer.
fn configured(reader: &Reader<'_>) -> Result<Option<Vec<Pair>>, Refusal> {
    let key = tm::WEIGHTS.key;
    if let Some(setting) = reader.settings.get(key) {
        let text = setting.value.to_string();
        return pairs(&text, reader.behaviour)
            .map(Some)
            .map_err(|cause| Refusal::unparsable(&text, key).caused_by(cause));
    }
    let prefixed: Vec<Pair> = reader
        .settings
        .iter()
        .filter_map(|(name, setting)| {
            let name = name.strip_prefix(key)?.strip_prefix('.')?;
            Some((name.to_owned(), setting.value.to_string()))
        })
        .collect();
    Ok((!prefixed.is_empty()).then_some(prefixed))
}

/// `NAME:VALUE,NAME:VALUE`.
fn pairs(text: &str, behaviour: &Behaviour) -> Result<Vec<Pair>, Refusal> {
    let mut pairs: Vec<Pair> = Vec::new();
    for item in text
        .split(',')
        .map(java_trim)
        .filter(|item| !item.is_empty())
    {
        let parts: Vec<&str> = item
            .split(':')
            .map(java_trim)
            .filter(|part| !part.is_empty())
            .collect();
        let [name, value] = parts.as_slice() else {
            return Err(Refusal::argument(match behaviour.quotes_malformed_map {
                true => format!("Could not parse pair in the map [{}]", parts.join(", ")),
                false => "Map item is not a key-value pair (missing ':'?)".to_owned(),
            }));
        };
        if let Some((_, before)) = pairs.iter().find(|(known, _)| known == name) {
            return Err(Refusal::state(format!(
                "Duplicate key {name} (attempted merging values {before} and {value})"
            )));
        }
        pairs.push(((*name).to_owned(), (*value).to_owned()));
    }
    Ok(pairs)
}

/// 1.12: every name must be known, and the first that is not, in the order of a Java hash map, is named.
fn strict(configured: &[Pair]) -> Result<Weights, Refusal> {
    let mut ordered: Vec<&Pair> = configured.iter().collect();
    ordered.sort_by_key(|(name, _)| hash_bucket(name, configured.len()));
    let mut weights = Vec::new();
    for (name, value) in ordered {
        let weight = weight(name, value)?;
        match name.as_str() {
            "DATAPROC" => weights.extend([("BATCH_OP", weight), ("STATE_BACKEND", weight)]),
            "PYTHON" => weights.push(("PYTHON", weight)),
            other => {
                let message = format!("Unknown managed memory consumer: {other}");
                return Err(Refusal::configuration(message).about(&[tm::WEIGHTS.key]));
            }
        }
    }
    Ok(Weights(weights))
}

/// 1.13 and later: names that are not known do not count.
fn lenient(configured: &[Pair], consumers: &[Consumer]) -> Result<Weights, Refusal> {
    let mut weights = Vec::new();
    for (consumer, names) in consumers {
        let found = names
            .iter()
            .find_map(|wanted| configured.iter().find(|(name, _)| name == wanted));
        if let Some((name, value)) = found {
            weights.push((*consumer, weight(name, value)?));
        }
    }
    Ok(Weights(weights))
}

fn weight(name: &str, text: &str) -> Result<u32, Refusal> {
    let number =
        parse_int(text).ok_or_else(|| Refusal::not_a_number(text).about(&[tm::WEIGHTS.key]))?;
    u32::try_from(number).map_err(|_| {
        let message =
            format!("Managed memory weight should not be negative. Configured weight for {name} is {number}.");
        Refusal::configuration(message).about(&[tm::WEIGHTS.key])
    })
}

/// Where a Java hash map of `entries` keeps `key`.
fn hash_bucket(key: &str, entries: usize) -> u32 {
    let hash = key.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    });
    let spread = hash ^ (hash >> 16);
    // A table starts with 16 buckets and doubles when it is three quarters full.
    let mut buckets = 16_usize;
    while entries > buckets / 4 * 3 {
        buckets *= 2;
    }
    spread & u32::try_from(buckets - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Settings};

    fn weights(settings: &Settings) -> Vec<(&'static str, u32)> {
        let behaviour = Behaviour::of(FlinkVersion::release(1, 20, 5));
        let reader = Reader::new(settings, &behaviour);
        read(&reader, WeightNames::OperatorOrDataproc)
            .unwrap()
            .iter()
            .collect()
    }

    #[test]
    fn one_key_per_consumer_is_a_map_too_and_replaces_the_default() {
        let settings =
            Settings::new().with("taskmanager.memory.managed.consumer-weights.PYTHON", "5");
        assert_eq!(weights(&settings), [("PYTHON", 5)]);
        assert_eq!(weights(&Settings::new()).len(), 3);
    }

    #[test]
    fn only_the_consumers_that_a_job_has_share() {
        let behaviour = Behaviour::of(FlinkVersion::release(2, 3, 0));
        let settings = Settings::new();
        let weights = read(&Reader::new(&settings, &behaviour), WeightNames::Operator).unwrap();
        assert_eq!(
            weights.fractions(&["STATE_BACKEND"]),
            [("STATE_BACKEND", 1.0)]
        );
        assert_eq!(
            weights.fractions(&["STATE_BACKEND", "PYTHON"]),
            [("STATE_BACKEND", 0.7), ("PYTHON", 0.3)]
        );
        assert!(weights.fractions(&[]).is_empty());
    }
}
