//! Readings as OTLP's JSON encoding of `ExportMetricsServiceRequest`: names in camel case, 64-bit numbers as strings, enums as numbers.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use super::points::{Point, Value};
use super::readings::{Family, Readings};
use super::signal::{Definition, Kind};
use crate::units::rfc3339;
use serde_json::{Value as Json, json};

/// What is said of every process beside what the trace tells: from `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// In the place of the service names that flinkmem gives.
    pub service_name: Option<String>,
    /// Further attributes; they do not replace those of the trace.
    pub attributes: Vec<(String, String)>,
}

/// The conventions that names are taken from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// One request with everything that is known.
#[must_use]
pub fn export_request<'a>(
    readings: impl IntoIterator<Item = &'a Readings>,
    resource: &Resource,
) -> Json {
    let resources = readings.into_iter().map(|readings| {
        let metrics = readings.families.iter();
        json!({
            "resource": {"attributes": attributes_of(readings, resource)},
            "scopeMetrics": [{
                "scope": {"name": "flinkmem", "version": env!("CARGO_PKG_VERSION")},
                "metrics": metrics.map(|family| metric(family, readings)).collect::<Vec<_>>(),
                "schemaUrl": SCHEMA,
            }],
            "schemaUrl": SCHEMA,
        })
    });
    json!({"resourceMetrics": resources.collect::<Vec<_>>()})
}

fn attributes_of(readings: &Readings, resource: &Resource) -> Vec<Json> {
    let mut attributes = Vec::new();
    let service = readings.identity.as_ref().map_or("flinkmem", |identity| {
        match identity.process {
            "tm" => "flink-taskmanager",
            "jm" => "flink-jobmanager",
            // What the conventions give a service that nobody named.
            _ => "unknown_service:java",
        }
    });
    let named = resource
        .service_name
        .as_deref()
        .filter(|_| readings.identity.is_some());
    attributes.push(text("service.name", named.unwrap_or(service)));
    if let Some(identity) = &readings.identity {
        attributes.push(text("service.instance.id", &identity.trace));
        attributes.push(text("host.name", &identity.host));
        attributes
            .push(json!({"key": "process.pid", "value": {"intValue": identity.pid.to_string()}}));
        attributes.push(text("process.creation.time", &rfc3339(readings.since_ms)));
        attributes.push(text("flinkmem.process", identity.process));
        attributes.push(text("flinkmem.trace", &identity.trace));
    }
    for (key, value) in &resource.attributes {
        if !attributes.iter().any(|known| known["key"] == key.as_str()) {
            attributes.push(text(key, value));
        }
    }
    attributes
}

fn text(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}

fn metric(family: &Family, readings: &Readings) -> Json {
    let Definition {
        name,
        kind,
        unit,
        help,
        ..
    } = *family.definition;
    let points = family
        .points
        .iter()
        .map(|point| data_point(point, kind, readings));
    let points: Vec<Json> = points.collect();
    let mut metric = json!({"name": name, "description": help, "unit": unit.ucum()});
    let (key, data) = match kind {
        Kind::Gauge => ("gauge", json!({"dataPoints": points})),
        Kind::Counter | Kind::UpDownCounter => (
            "sum",
            json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": kind == Kind::Counter}),
        ),
        Kind::Histogram => (
            "histogram",
            json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE}),
        ),
    };
    metric[key] = data;
    metric
}

fn data_point(point: &Point, kind: Kind, readings: &Readings) -> Json {
    let labels = point.labels.iter();
    let mut json = json!({
        "attributes": labels.map(|(key, value)| text(key, value)).collect::<Vec<_>>(),
        "timeUnixNano": nanos(readings.at_ms),
    });
    if kind != Kind::Gauge {
        json["startTimeUnixNano"] = Json::String(nanos(readings.since_ms));
    }
    match point.value {
        Value::Whole(value) => json["asInt"] = Json::String(signed(value).to_string()),
        Value::Real(value) => json["asDouble"] = real(value),
        Value::Summed { count, sum } => {
            json["count"] = Json::String(count.to_string());
            json["sum"] = real(sum);
            // One bucket, without a bound.
            json["bucketCounts"] = json!([count.to_string()]);
            json["explicitBounds"] = json!([]);
        }
    }
    json
}

/// OTLP's whole numbers have a sign.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// JSON has no infinities and no NaN; the encoding of protobuf writes them as strings.
fn real(value: f64) -> Json {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

fn nanos(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    ms.saturating_mul(1_000_000).to_string()
}
