//! One row of the table of signals.

/// What a metric is called and means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// OpenTelemetry's name where there is one that says the same, else one that begins with `flinkmem.`.
    pub name: &'static str,
    /// Counter or not.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// Labels beside those of the process, in the order in which they are shown.
    pub labels: &'static [&'static str],
    /// One sentence, without a full stop.
    pub help: &'static str,
}

/// A metric, and how it is read from `Source`.
#[derive(Debug, Clone, Copy)]
pub struct Signal<Read> {
    /// What it is.
    pub definition: Definition,
    /// How it is read: what is not known gives no point.
    pub read: Read,
}

/// How a metric behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// A part of a sum, such as bytes: parts of several processes may be added. A gauge in Prometheus.
    UpDownCounter,
    /// A value that cannot be added.
    Gauge,
    /// How many, and their sum; without buckets, for the source does not tell single values.
    Histogram,
}

/// Units, as OpenTelemetry and Prometheus write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A share from 0 to 1.
    Ratio,
    /// Things that are counted, in braces as UCUM annotates them: `{thread}`.
    Count(&'static str),
}

impl Definition {
    /// Whether the name is OpenTelemetry's.
    #[must_use]
    pub fn is_opentelemetry(&self) -> bool {
        !self.name.starts_with("flinkmem.")
    }

    /// The name in Prometheus, without unit and `_total`.
    #[must_use]
    pub fn prometheus_base(&self) -> String {
        underscored(self.name)
    }

    /// The name in Prometheus: dots are underscores, the unit is appended, and `_total` for counters.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let mut name = self.prometheus_base();
        if let Some(unit) = self.unit.prometheus_suffix() {
            name.push('_');
            name.push_str(unit);
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}

impl Unit {
    /// What Prometheus appends to a name; nothing for things that are counted.
    #[must_use]
    pub fn prometheus_suffix(self) -> Option<&'static str> {
        match self {
            Self::Bytes => Some("bytes"),
            Self::Seconds => Some("seconds"),
            Self::Ratio => Some("ratio"),
            Self::Count(_) => None,
        }
    }

    /// As OpenTelemetry writes it (UCUM).
    #[must_use]
    pub fn ucum(self) -> &'static str {
        match self {
            Self::Bytes => "By",
            Self::Seconds => "s",
            Self::Ratio => "1",
            Self::Count(things) => things,
        }
    }
}

impl Kind {
    /// As OpenTelemetry names the instrument.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "updowncounter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A name as Prometheus allows it.
pub(super) fn underscored(name: &str) -> String {
    name.replace('.', "_")
}
