//! Readings as Prometheus scrapes them: its own text format, or OpenMetrics where the scraper asks for it.

use super::points::{Point, Value};
use super::readings::{Family, Readings};
use super::signal::{Definition, Kind, Unit, underscored};
use super::table::{process_signals, service_signals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Form of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What an `Accept` header asks for: OpenMetrics where it is named with no less weight than plain text, Prometheus' own otherwise.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let weight_of = |wanted: &str| {
            let ranges = accept.split(',').map(str::trim);
            let weights = ranges.filter(|range| media_type(range).eq_ignore_ascii_case(wanted));
            weights.map(weight).fold(None, |best: Option<f64>, weight| {
                Some(best.map_or(weight, |best| best.max(weight)))
            })
        };
        let plain = weight_of("text/plain").unwrap_or(0.0);
        match weight_of("application/openmetrics-text") {
            Some(weight) if weight > 0.0 && weight >= plain => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// Value of the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

fn media_type(range: &str) -> &str {
    range.split(';').next().unwrap_or_default().trim()
}

/// The weight of a media range, its `q`; 1 where it has none, 0 where that is no number.
fn weight(range: &str) -> f64 {
    let parameters = range.split(';').skip(1).map(str::trim);
    let mut weights = parameters.filter_map(|parameter| parameter.strip_prefix("q="));
    weights.next().map_or(1.0, |q| q.parse().unwrap_or(0.0))
}

/// Readings of several processes as one text.
#[derive(Debug, Clone)]
pub struct Exposition(Vec<Arc<Readings>>);

impl Exposition {
    /// Those of several processes and of the service.
    #[must_use]
    pub fn new(readings: Vec<Arc<Readings>>) -> Self {
        Self(readings)
    }

    /// The text.
    ///
    /// # Errors
    /// Never in practice: it is written to memory.
    pub fn to_text(&self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut out = String::new();
        match format {
            Format::Prometheus => prometheus_text::encode(&mut out, &registry)?,
            Format::OpenMetrics => text::encode(&mut out, &registry)?,
        }
        Ok(out)
    }

    /// All series of each signal, for they must stand together.
    fn by_name(&self) -> HashMap<&'static str, Vec<(&Readings, &Family)>> {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for readings in &self.0 {
            for family in &readings.families {
                let series = by_name.entry(family.definition.name).or_default();
                series.push((&**readings, family));
            }
        }
        by_name
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let by_name = self.by_name();
        let of_processes = process_signals().iter().flat_map(|group| group.signals);
        let of_processes = of_processes.map(|signal| &signal.definition);
        let of_service = service_signals().iter().map(|signal| &signal.definition);
        for definition in of_processes.chain(of_service) {
            if let Some(series) = by_name.get(definition.name) {
                encode_signal(&mut encoder, definition, series)?;
            }
        }
        Ok(())
    }
}

fn encode_signal(
    encoder: &mut DescriptorEncoder<'_>,
    definition: &Definition,
    series: &[(&Readings, &Family)],
) -> fmt::Result {
    let name = definition.prometheus_base();
    let unit = unit(definition.unit);
    let kind = match definition.kind {
        Kind::Counter => MetricType::Counter,
        Kind::UpDownCounter | Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let mut metric = encoder.encode_descriptor(&name, definition.help, unit.as_ref(), kind)?;
    for (readings, family) in series {
        for point in &family.points {
            let labels = labels(readings, point);
            encode_value(metric.encode_family(&labels)?, definition.kind, point.value)?;
        }
    }
    Ok(())
}

type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

fn labels<'a>(readings: &Readings, point: &'a Point) -> Labels<'a> {
    let identity = readings
        .identity
        .iter()
        .flat_map(super::identity::Identity::labels);
    let identity = identity.map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value)));
    let own = point.labels.iter();
    let own =
        own.map(|(name, value)| (Cow::Owned(underscored(name)), Cow::Borrowed(value.as_str())));
    identity.chain(own).collect()
}

fn encode_value(mut metric: MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    const NO_EXEMPLAR: Option<&Exemplar<[(&str, &str); 0], u64>> = None;
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => metric.encode_counter(&value, NO_EXEMPLAR),
        (Kind::Counter, Value::Real(value)) => metric.encode_counter(&value, NO_EXEMPLAR),
        (_, Value::Whole(value)) => metric.encode_gauge(&value),
        (_, Value::Real(value)) => metric.encode_gauge(&value),
        (_, Value::Summed { count, sum }) => {
            let everything = [(f64::INFINITY, count)];
            metric.encode_histogram::<[(&str, &str); 0]>(sum, count, &everything, None)
        }
    }
}

fn unit(unit: Unit) -> Option<prometheus_client::registry::Unit> {
    use prometheus_client::registry::Unit as Known;
    match unit {
        Unit::Bytes => Some(Known::Bytes),
        Unit::Seconds => Some(Known::Seconds),
        // The crate writes the plural, Prometheus and OpenTelemetry `ratio`.
        Unit::Ratio => Some(Known::Other("ratio".to_owned())),
        Unit::Count(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_is_answered_in_what_it_prefers() {
        // What Prometheus 2.42 sends.
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        let old = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
        assert_eq!(Format::accepted(old), Format::Prometheus);
        let prefers_text =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4";
        assert_eq!(Format::accepted(prefers_text), Format::Prometheus);
        for other in [
            "",
            "*/*",
            "text/html",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
            ";;,,q=1",
        ] {
            assert_eq!(Format::accepted(other), Format::Prometheus, "{other}");
        }
    }
}
