//! How many lines each panel gets.

/// Lines with which a panel is of use, its heading among them.
const ENOUGH: [u16; 4] = [9, 3, 4, 3];

/// Fewer lines show nothing.
const LEAST: u16 = 2;

/// Shares `lines` out to panels that want so many: first what is of use, then the rest; the panel with the focus first.
pub(super) fn share_out(lines: u16, wanted: [u16; 4], focus: usize) -> [u16; 4] {
    let mut order = [0, 1, 2, 3];
    order.sort_by_key(|index| (*index != focus, *index));
    let mut given = [0; 4];
    let mut left = lines;
    for index in order {
        let enough = wanted[index].min(ENOUGH[index]).min(left);
        if enough >= LEAST.min(wanted[index]) {
            given[index] = enough;
            left -= enough;
        }
    }
    for index in order {
        let is_shown = given[index] > 0;
        let more = if is_shown {
            (wanted[index] - given[index]).min(left)
        } else {
            0
        };
        given[index] += more;
        left -= more;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::share_out;
    use proptest::prelude::*;

    #[test]
    fn what_has_the_focus_is_there_even_on_the_smallest_screen() {
        assert_eq!(share_out(10, [13, 3, 8, 20], 0), [10, 0, 0, 0]);
        assert_eq!(share_out(10, [13, 3, 8, 20], 3), [7, 0, 0, 3]);
    }

    #[test]
    fn everything_is_there_where_there_is_room() {
        assert_eq!(share_out(44, [13, 3, 8, 20], 0), [13, 3, 8, 20]);
        assert_eq!(share_out(60, [13, 3, 8, 20], 2), [13, 3, 8, 20]);
    }

    proptest! {
        #[test]
        fn no_more_is_given_than_there_is_or_was_wanted(lines in 0u16..200, wanted in prop::array::uniform4(1u16..80), focus in 0usize..4) {
            let given = share_out(lines, wanted, focus);
            prop_assert!(given.iter().sum::<u16>() <= lines);
            prop_assert!(given.iter().zip(wanted).all(|(given, wanted)| *given <= wanted));
            let all: u16 = wanted.iter().sum();
            prop_assert!(lines < all || given == wanted);
        }
    }
}
