//! What surrounds Flink's own memory in a JVM: metaspace and overhead. The same for both kinds of process.

use super::memory_size::MemorySize;
use super::note::Note;
use super::options::FlinkOption;
use super::origin::Derived;
use super::range::{Range, RangeOptions};
use super::reader::Reader;
use super::refusal::Refusal;

/// Options of a kind of process.
#[derive(Clone, Copy)]
pub(crate) struct ProcessOptions {
    pub(crate) process: FlinkOption,
    pub(crate) flink: FlinkOption,
    pub(crate) metaspace: FlinkOption,
    pub(crate) overhead_min: FlinkOption,
    pub(crate) overhead_max: FlinkOption,
    pub(crate) overhead_fraction: FlinkOption,
}

/// Metaspace and overhead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AroundFlink {
    pub(crate) metaspace: Derived,
    pub(crate) overhead: Derived,
}

const PROCESS: &str = "total process memory";
const FLINK_AND_METASPACE: &str = "total process memory, from Flink's memory and metaspace";
const DEFAULT_OVERHEAD_MAX: MemorySize = MemorySize::from_mebibytes(1024);

impl ProcessOptions {
    fn metaspace(&self, reader: &Reader<'_>) -> Result<Derived, Refusal> {
        let default = MemorySize::from_bytes(reader.behaviour.metaspace_default_bytes);
        Ok(Derived::new(reader.size_or(&self.metaspace, default)?))
    }

    fn overhead(&self, reader: &Reader<'_>) -> Result<Range, Refusal> {
        Range::read(
            reader,
            RangeOptions {
                bounds: Some((self.overhead_min, self.overhead_max)),
                max_default: DEFAULT_OVERHEAD_MAX,
                fraction: self.overhead_fraction,
                name: "jvm overhead memory",
            },
        )
    }

    /// Metaspace and overhead of a process of a given size, and what they leave to Flink.
    pub(crate) fn within_process(
        &self,
        reader: &Reader<'_>,
        process: MemorySize,
    ) -> Result<(AroundFlink, MemorySize), Refusal> {
        let metaspace = self.metaspace(reader)?;
        let overhead = self.overhead(reader)?.share_of(reader, process, PROCESS)?;
        let around = metaspace.size.plus(overhead.size)?;
        if around > process {
            let message = format!(
                "Sum of configured JVM Metaspace ({}) and JVM Overhead ({}) exceed configured Total Process Memory ({process}).",
                metaspace.size, overhead.size
            );
            return Err(Refusal::configuration(message).about(&[
                self.process.key,
                self.metaspace.key,
                self.overhead_min.key,
                self.overhead_fraction.key,
            ]));
        }
        let flink = process.minus(around)?;
        let around = AroundFlink {
            metaspace,
            overhead,
        };
        Ok((around, flink))
    }

    /// Metaspace and overhead around Flink's memory; with a process size, overhead is what is left of it.
    pub(crate) fn around_flink(
        &self,
        reader: &Reader<'_>,
        flink: MemorySize,
    ) -> Result<AroundFlink, Refusal> {
        let metaspace = self.metaspace(reader)?;
        let inner = flink.plus(metaspace.size)?;
        let overhead = match reader.has(&self.process) {
            true => self.rest_as_overhead(reader, flink, &metaspace, inner)?,
            false => {
                let range = self.overhead(reader)?;
                range.added_to(reader, inner, FLINK_AND_METASPACE)?
            }
        };
        Ok(AroundFlink {
            metaspace,
            overhead,
        })
    }

    fn rest_as_overhead(
        &self,
        reader: &Reader<'_>,
        flink: MemorySize,
        metaspace: &Derived,
        inner: MemorySize,
    ) -> Result<Derived, Refusal> {
        let process = reader.size(&self.process)?.unwrap_or_default();
        if process < inner && reader.behaviour.small_process_message {
            let message = format!(
                "The configured Total Process Memory size ({process}) is less than the sum of the derived Total Flink Memory size ({flink}) \
                 and the configured or default JVM Metaspace size  ({}).",
                metaspace.size
            );
            return Err(Refusal::configuration(message).about(&[
                self.process.key,
                self.flink.key,
                self.metaspace.key,
            ]));
        }
        let overhead = process.minus(inner).map_err(|refusal| {
            refusal.about(&[self.process.key, self.flink.key, self.metaspace.key])
        })?;
        self.check_overhead(reader, process, overhead)?;
        Ok(Derived::rest_of(overhead, PROCESS))
    }

    fn check_overhead(
        &self,
        reader: &Reader<'_>,
        process: MemorySize,
        overhead: MemorySize,
    ) -> Result<(), Refusal> {
        let range = self.overhead(reader)?;
        if !range.contains(overhead) {
            let message = format!(
                "Derived JVM Overhead size ({overhead}) is not in configured JVM Overhead range [{}, {}].",
                range.min, range.max
            );
            return Err(Refusal::configuration(message).about(&[
                self.process.key,
                self.flink.key,
                self.metaspace.key,
                self.overhead_min.key,
                self.overhead_max.key,
            ]));
        }
        let is_set = reader.has(&self.overhead_fraction);
        if is_set && overhead != process.times(range.fraction)? {
            let overhead_word = if reader.behaviour.overhead_typing_error {
                "OVerhead"
            } else {
                "Overhead"
            };
            let or_default = if reader.behaviour.wording_of_1_10 {
                ""
            } else {
                "or default "
            };
            reader.note(Note::info(format!(
                "The derived JVM Overhead size ({overhead}) does not match the configured {or_default}JVM Overhead fraction ({}) \
                 from the configured Total Process Memory size ({process}). The derived JVM {overhead_word} size will be used.",
                super::decimal::java_double(range.fraction)
            )));
        }
        Ok(())
    }
}
