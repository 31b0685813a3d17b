//! Where this JVM's trace goes.

use flinkmem_trace::layout::directory_name;
use std::path::{Path, PathBuf};

/// What the choice depends on.
pub(crate) struct Hints {
    /// Option `dir`.
    pub(crate) option: Option<PathBuf>,
    /// System property `log.file`, which Flink's scripts set.
    pub(crate) log_file: Option<PathBuf>,
    /// `$FLINK_LOG_DIR`.
    pub(crate) flink_log_dir: Option<PathBuf>,
}

/// Option `dir`, else the directory of `-Dlog.file`, else `$FLINK_LOG_DIR`, else the working directory.
pub(crate) fn parent(hints: &Hints) -> PathBuf {
    let beside_the_log = || {
        hints
            .log_file
            .as_deref()
            .and_then(Path::parent)
            .filter(|parent| !parent.as_os_str().is_empty())
    };
    hints
        .option
        .clone()
        .or_else(|| beside_the_log().map(Path::to_path_buf))
        .or_else(|| {
            hints
                .flink_log_dir
                .clone()
                .filter(|dir| !dir.as_os_str().is_empty())
        })
        .unwrap_or_else(|| PathBuf::from("."))
}

/// Names to try, in order: the process's own, then numbered ones, should a process of the same pid have started in the
/// same second (a container that restarts at once).
pub(crate) fn candidates(
    parent: &Path,
    host: &str,
    pid: u32,
    start_ms: i64,
) -> impl Iterator<Item = PathBuf> {
    let name = directory_name(host, pid, &utc(start_ms));
    let parent = parent.to_owned();
    (0..10).map(move |number| {
        if number == 0 {
            parent.join(&name)
        } else {
            parent.join(format!("{name}.{number}"))
        }
    })
}

/// `yyyymmddThhmmssZ`.
fn utc(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Gregorian date of a day counted from 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_700_000_000, "20231114T221320Z"),
            (4_102_444_799, "20991231T235959Z"),
        ] {
            assert_eq!(utc(seconds * 1000), text);
        }
    }

    #[test]
    fn the_option_wins_then_the_log_then_the_environment() {
        let hints = |option: Option<&str>, log: Option<&str>, dir: Option<&str>| Hints {
            option: option.map(PathBuf::from),
            log_file: log.map(PathBuf::from),
            flink_log_dir: dir.map(PathBuf::from),
        };
        for (given, expected) in [
            (
                hints(Some("/traces"), Some("/log/tm.log"), Some("/logs")),
                "/traces",
            ),
            (hints(None, Some("/log/tm.log"), Some("/logs")), "/log"),
            (hints(None, Some("tm.log"), Some("/logs")), "/logs"),
            (hints(None, None, Some("")), "."),
            (hints(None, None, None), "."),
        ] {
            assert_eq!(parent(&given), Path::new(expected));
        }
    }
}
