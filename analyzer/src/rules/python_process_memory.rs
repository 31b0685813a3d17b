//! `python_process_memory`: a Python worker fills the container.

use super::Answer;
use super::outside::{Beside, Whose};
use super::told::in_words;
use crate::finding::Label;

pub(super) fn check(beside: &Beside<'_>) -> Answer {
    match beside.fills_it() {
        Err(reason) => Answer::DoesNotFire(reason),
        Ok(Whose::Other) => Answer::DoesNotFire("it is no Python worker".to_owned()),
        Ok(Whose::Python) => {
            let text = "The worker takes what the user's function keeps, and the bundle that it works on: lower python.fn-execution.bundle.size and python.fn-execution.arrow.batch.size, and release what the function holds. Its share of managed memory (taskmanager.memory.managed.consumer-weights, PYTHON) is an account, not a limit: nothing stops the worker but the container.";
            let finding = beside.finding(Label::PythonProcessMemory, in_words(text));
            Answer::Fires(Box::new(finding))
        }
    }
}
