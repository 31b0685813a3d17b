//! Classes of the same name in several live loaders: generations of one job's code.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::method::dotted;
use jni::sys::jobject;
use jvmti_bindings::env::Jvmti as Bindings;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Names, as hashes, with the loaders that define them. Bounded: further classes are not compared.
#[derive(Debug, Default)]
pub(super) struct Generations {
    classes: Vec<Defined>,
}

#[derive(Debug, Clone, Copy)]
struct Defined {
    name: u64,
    loader: usize,
    class: jobject,
}

/// The class that a loader shares with most others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    /// A local reference of the census's frame.
    pub(super) class: jobject,
    /// Loaders that define a class of this name.
    pub(super) loaders: u32,
    /// Of them, those with a higher number.
    pub(super) newer: u32,
}

impl Generations {
    /// Classes compared in one census: about 1.5 MiB for its duration.
    const CAPACITY: usize = 65_536;

    /// Takes note of a class of the loader with this index.
    ///
    /// # Safety
    /// `class` is a local reference that outlives this.
    pub(super) unsafe fn add(&mut self, bindings: &Bindings, loader: usize, class: jobject) {
        if self.classes.len() >= Self::CAPACITY {
            return;
        }
        // SAFETY: the caller's promise.
        let Ok((signature, _)) = (unsafe { bindings.get_class_signature(class.cast()) }) else {
            return;
        };
        if is_generated(&signature) {
            return;
        }
        let mut hasher = DefaultHasher::new();
        signature.hash(&mut hasher);
        self.classes.push(Defined {
            name: hasher.finish(),
            loader,
            class,
        });
    }

    /// For each loader that shares a class with another, the one shared most. `ids` has the numbers of the loaders.
    pub(super) fn shared(&self, ids: &[u32]) -> HashMap<usize, Shared> {
        let id = |defined: &Defined| ids.get(defined.loader).copied().unwrap_or(u32::MAX);
        let mut classes = self.classes.clone();
        classes.sort_by_key(|defined| (defined.name, id(defined)));
        let mut shared: HashMap<usize, Shared> = HashMap::new();
        for generation in classes.chunk_by(|one, other| one.name == other.name) {
            if generation.len() < 2 {
                continue;
            }
            let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            for (position, defined) in generation.iter().enumerate() {
                let candidate = Shared {
                    class: defined.class,
                    loaders: count(generation.len()),
                    newer: count(generation.len() - 1 - position),
                };
                let best = shared.entry(defined.loader).or_insert(candidate);
                if (candidate.newer, candidate.loaders) > (best.newer, best.loaders) {
                    *best = candidate;
                }
            }
        }
        shared
    }

    /// # Safety
    /// `class` came from [`shared`](Self::shared), within the census's frame.
    pub(super) unsafe fn name(&self, bindings: &Bindings, class: jobject) -> Option<String> {
        // SAFETY: the caller's promise.
        let (signature, _) = unsafe { bindings.get_class_signature(class.cast()) }.ok()?;
        Some(dotted(&signature))
    }
}

/// Arrays, lambdas, proxies: their names say nothing about whose generation they are.
fn is_generated(signature: &str) -> bool {
    signature.starts_with('[') || signature.contains("$$") || signature.contains("$Proxy")
}

#[cfg(test)]
mod tests {
    use super::{Defined, Generations, is_generated};

    fn defined(name: u64, loader: usize) -> Defined {
        Defined {
            name,
            loader,
            class: std::ptr::null_mut(),
        }
    }

    #[test]
    fn a_class_in_several_loaders_tells_their_generations() {
        let classes = vec![
            defined(7, 0),
            defined(7, 1),
            defined(7, 2),
            defined(8, 2),
            defined(9, 3),
        ];
        let shared = Generations { classes }.shared(&[30, 10, 20, 40]);
        let newer = |loader: usize| {
            shared
                .get(&loader)
                .map(|shared| (shared.newer, shared.loaders))
        };
        assert_eq!(newer(1), Some((2, 3)));
        assert_eq!(newer(2), Some((1, 3)));
        assert_eq!(newer(0), Some((0, 3)));
        assert_eq!(newer(3), None);
    }

    #[test]
    fn generated_classes_are_not_compared() {
        assert!(is_generated("[Lcom/acme/Job;"));
        assert!(is_generated("Lcom/acme/Job$$Lambda.0x00007f/0x1;"));
        assert!(!is_generated("Lcom/acme/Job$Inner;"));
    }
}
