//! Names of threads with their numbers folded, so that threads of one kind are one group.

/// Longest pattern in bytes; names may be as long as a job's.
const LONGEST: usize = 120;

/// Words of the JVM's own threads whose digit is no number.
const OF_THE_JVM: [&str; 3] = ["G1", "C1", "C2"];

/// Shortest run of hexadecimal digits that is taken for an id.
const SHORTEST_ID: usize = 8;

/// `name` with `#` for each number, hexadecimal id and UUID: `pool-3-thread-17` is `pool-#-thread-#`.
pub(super) fn pattern(name: &str) -> String {
    let mut folded = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (piece, behind) = rest.split_at(if word == 0 { first.len_utf8() } else { word });
        match uuid(rest) {
            Some(behind_uuid) => {
                push_folded(&mut folded);
                rest = behind_uuid;
                continue;
            }
            None if OF_THE_JVM.contains(&piece) => folded.push_str(piece),
            None if is_id(piece, folded.ends_with('@')) => push_folded(&mut folded),
            None => fold_digits(piece, &mut folded),
        }
        rest = behind;
    }
    while folded.len() > LONGEST {
        folded.pop();
    }
    folded
}

/// What comes behind a UUID that `text` begins with.
fn uuid(text: &str) -> Option<&str> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let (candidate, behind) = text.split_at_checked(36)?;
    let mut parts = candidate.split('-');
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let all_fit = LENGTHS.iter().all(|&length| {
        parts
            .next()
            .is_some_and(|part| part.len() == length && is_hex(part))
    });
    let ends = !behind.starts_with(|next: char| next.is_ascii_alphanumeric());
    (all_fit && ends).then_some(behind)
}

/// A job's or an attempt's id, an address, an object's hash code.
fn is_id(word: &str, is_hash: bool) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_hex = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let marked = is_hash || digits.len() < word.len();
    let long = digits.len() >= SHORTEST_ID && digits.bytes().any(|byte| byte.is_ascii_digit());
    is_hex && (marked || long)
}

fn fold_digits(piece: &str, folded: &mut String) {
    for letter in piece.chars() {
        if letter.is_ascii_digit() {
            push_folded(folded);
        } else {
            folded.push(letter);
        }
    }
}

/// One sign for several numbers side by side.
fn push_folded(folded: &mut String) {
    if !folded.ends_with('#') {
        folded.push('#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_kind_are_one_pattern() {
        for (name, expected) in [
            ("pool-3-thread-17", "pool-#-thread-#"),
            (
                "Source: Custom -> Map (12/16)#0",
                "Source: Custom -> Map (#/#)#",
            ),
            (
                "flink-pekko.actor.default-dispatcher-4",
                "flink-pekko.actor.default-dispatcher-#",
            ),
            ("job 7f3a01c2deadbeef00112233445566aa", "job #"),
            (
                "upload 3f2a1b9c-1d2e-4f3a-8b7c-0123456789ab done",
                "upload # done",
            ),
            ("lock@6d06d69", "lock@#"),
            ("at 0x7f12", "at #"),
            ("G1 Conc#0", "G1 Conc#"),
            ("feedface cafe", "feedface cafe"),
            (
                "s3a-transfer-shared-pool1-t9",
                "s#a-transfer-shared-pool#-t#",
            ),
            ("Überwachung-1é2", "Überwachung-#é#"),
            ("", ""),
        ] {
            assert_eq!(pattern(name), expected, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_letters() {
        assert_eq!(pattern(&"ü".repeat(100)).chars().count(), LONGEST / 2);
    }
}
