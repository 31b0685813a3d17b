//! `other_child_process`: another process than the JVM fills the container.

use super::Answer;
use super::outside::{Beside, Whose};
use super::told::in_words;
use crate::finding::Label;

pub(super) fn check(beside: &Beside<'_>) -> Answer {
    match beside.fills_it() {
        Err(reason) => Answer::DoesNotFire(reason),
        Ok(Whose::Python) => Answer::DoesNotFire("it is a Python worker".to_owned()),
        Ok(Whose::Other) => {
            let text = "Bound that program where its size is set, wait for it and end it with the task that started it, and count it into the container: the container must hold taskmanager.memory.process.size and the program. No pool of Flink's has room for it, and a larger process makes it worse.";
            let finding = beside.finding(Label::OtherChildProcess, in_words(text));
            Answer::Fires(Box::new(finding))
        }
    }
}
