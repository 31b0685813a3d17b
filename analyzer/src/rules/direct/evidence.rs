//! Facts that both rules on direct memory cite.

use super::DirectPicture;
use crate::case::{Account, Origin, share};
use crate::finding::Evidence;
use crate::units::{bytes, time_of_day};

/// Wall clock of a time on the monotonic clock.
pub(in crate::rules) fn wall(picture: &DirectPicture<'_>, up_ms: u64) -> i64 {
    picture.case.wall_ms(up_ms)
}

/// How and how often the limit was met.
pub(in crate::rules) fn met_evidence(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let met = &picture.met;
    let (first, last, what, count) = match (met.errors.first(), met.errors.last()) {
        (Some(first), Some(last)) => (
            first.incident,
            last.incident,
            "OutOfMemoryError",
            met.error_count,
        ),
        _ => (
            *met.slow_paths.first()?,
            *met.slow_paths.last()?,
            "reservation that did not fit at once",
            met.slow_path_count,
        ),
    };
    let by_netty = match picture.counted.account {
        Account::Jvm | Account::All => "",
        Account::Netty(_) => " that Netty sets itself, for buffers that the JVM does not count,",
    };
    let limit = picture.limit.map_or(format!("limit{by_netty}"), |limit| {
        format!("limit of {}{by_netty}", bytes(limit))
    });
    let thread = first.thread.as_deref().map_or(String::new(), |name| {
        format!(" in thread \"{}\"", shortened(name))
    });
    let asked = met
        .errors
        .first()
        .map_or(first.requested_bytes, |error| error.requested_bytes)
        .map_or(String::new(), |asked| {
            format!(" asking for {}", bytes(asked))
        });
    let more = if count > 1 {
        format!("; {count} in all, the last at {}", time_of_day(last.t_ms))
    } else {
        String::new()
    };
    let text = format!(
        "the {limit} was met at {}: {what}{thread}{asked}{more}",
        time_of_day(first.t_ms)
    );
    Some(Evidence::new(text, "incidents", first.t_ms, last.t_ms).with_value(count))
}

/// Whose bytes, and how old they are.
pub(in crate::rules) fn owner_evidence(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let owner = picture.owners.first()?;
    let grown = picture
        .owners
        .iter()
        .fold(0_u64, |sum, owner| sum.saturating_add(owner.growth_bytes));
    let line = owner
        .frame
        .line
        .map_or(String::new(), |line| format!(" (line {line})"));
    let via = match owner.owner.origin {
        Origin::Library(name) => format!(" ({name})"),
        _ => String::new(),
    };
    let of_growth = if picture.growth_is_measured && grown > 0 {
        format!(
            "{:.0} % of the growth: ",
            share(owner.growth_bytes, grown) * 100.0
        )
    } else {
        String::new()
    };
    let text = format!(
        "{of_growth}{}{line}{via} holds {}, {:.0} % of it older than three collections",
        owner.owner.method,
        bytes(owner.live_bytes),
        owner.old_share() * 100.0,
    );
    let moments = &picture.case.timeline.moments;
    let (first, last) = (moments.first()?, moments.last()?);
    Some(
        Evidence::new(text, "sites.live_bytes", first.t_ms, last.t_ms).with_value(owner.live_bytes),
    )
}

/// Thread names of Flink carry whole pipelines; the beginning tells which.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}
