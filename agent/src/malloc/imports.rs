//! Puts the hooks into the import tables of loaded libraries, and of those that are loaded later.
//!
//! Only a slot that holds the real function, or has not been looked up yet, is changed: whoever else stands there stays.
//! Nothing is ever put back: the hooks live as long as the process, and pass everything through when the agent is off.

use super::functions::{Family, LIBRARIES, Name};
use super::{hooks, java_stack};
use flinkmem_native::kernel::dynamic_linker::{self, Changes, Import, Object};
use std::collections::BTreeMap;

/// Loaded objects as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Names by library number. Number 0 stands for those that found no number.
    names: Vec<String>,
    /// An address in the C library.
    libc: usize,
    java_home: Option<String>,
    /// Loads and unloads when the objects were last looked at.
    seen: Option<Changes>,
    /// Some slot was unbound: the loader may have been about to fill it in.
    look_again: bool,
    /// Objects and slots by library number, of the last look.
    pub(super) patched: Vec<Patched>,
    /// Objects that were left alone, with the reason.
    pub(super) skipped: BTreeMap<String, Skip>,
}

/// How much of a library was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patched {
    pub(super) objects: u32,
    pub(super) slots: u32,
}

/// Why an object was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// It is the C library, the loader or the allocator.
    Allocator,
    /// It is the agent.
    Agent,
    /// Its slots cannot be made writable.
    Protected,
    /// Its slots hold functions that are not the real ones.
    Foreign,
}

impl Imports {
    /// Looks the real functions up, before anything is stood before. False without a `malloc`.
    pub(super) fn find_real_functions(&mut self) -> bool {
        self.names.push("other".to_owned());
        for &name in Name::ALL.iter().filter(|name| name.family() == Family::C) {
            name.set_real(dynamic_linker::find(name.symbol()).unwrap_or(0));
        }
        self.java_home = java_stack::java_home();
        self.libc = dynamic_linker::in_libc().unwrap_or(0);
        self.find_operators();
        Name::Malloc.real() != 0 && Name::Free.real() != 0
    }

    /// The C++ operators may come later than `malloc`, with the first library that needs them.
    fn find_operators(&self) {
        const LIBSTDCXX: &std::ffi::CStr = c"libstdc++.so.6";
        if Name::New.real() != 0 {
            return;
        }
        let Some(new) = dynamic_linker::find_in(LIBSTDCXX, Name::New.symbol()) else {
            return;
        };
        let is_libstdcxx = dynamic_linker::file_of(new)
            .is_some_and(|file| file_name(&file).starts_with("libstdc++."));
        let is_the_allocators =
            dynamic_linker::base_of(new) == dynamic_linker::base_of(Name::Malloc.real());
        if !is_libstdcxx && !is_the_allocators {
            return; // somebody's own: what it allocates is counted as that library's
        }
        hooks::set_new_is_malloc(is_libstdcxx);
        for &name in Name::ALL {
            let wanted = match name.family() {
                Family::C => false,
                Family::New => true,
                Family::Delete => is_the_allocators, // libstdc++'s ends in a `free` that is stood before
            };
            if wanted {
                let real = dynamic_linker::find_in(LIBSTDCXX, name.symbol()).unwrap_or(0);
                name.set_real(real);
            }
        }
    }

    /// Stands before the functions of all objects, when some were loaded or unloaded since the last look.
    pub(super) fn look(&mut self) {
        let changes = dynamic_linker::changes();
        if self.seen == Some(changes) && !self.look_again {
            return;
        }
        // What is listed until now is complete afterwards. What comes between is left for the next look.
        dynamic_linker::wait_for_loader();
        self.find_operators();
        self.look_again = false;
        self.patched.clear();
        self.skipped.clear();
        let mut all = true;
        dynamic_linker::for_each_object(|object| {
            all = object.changes.adds == changes.adds;
            if all {
                self.visit(object);
            }
            all
        });
        self.seen = all.then_some(changes);
    }

    fn visit(&mut self, object: &Object<'_>) {
        let name = name_of(object);
        if let Some(skip) = self.skip(object, &name) {
            self.skipped.insert(name, skip);
            return;
        }
        let mut wanted = Vec::new();
        let (mut done, mut foreign) = (0, 0);
        object.for_each_import(|import| match judge(&import) {
            Slot::Wanted(function) => wanted.push((import.unbound, function)),
            Slot::Done => done += 1,
            Slot::Foreign => foreign += 1,
            Slot::None => {}
        });
        if wanted.is_empty() && done == 0 {
            if foreign > 0 {
                self.skipped.insert(name, Skip::Foreign);
            }
            return;
        }
        let library = self.number(&name);
        let with_stacks = java_stack::may_have_stacks(object, &name, self.java_home.as_deref());
        // Number 0 is of several libraries.
        java_stack::allow(library, with_stacks && library != 0);
        if !wanted.is_empty() {
            let Some(replaced) = replace(object, library) else {
                self.skipped.insert(name, Skip::Protected);
                return;
            };
            done += replaced;
            self.look_again |= wanted.iter().any(|&(unbound, _)| unbound);
        }
        let index = usize::from(library);
        if self.patched.len() <= index {
            self.patched.resize(index + 1, Patched::default());
        }
        if let Some(patched) = self.patched.get_mut(index) {
            patched.objects += 1;
            patched.slots += done;
        }
    }

    fn skip(&self, object: &Object<'_>, name: &str) -> Option<Skip> {
        let is_loader = name.starts_with("ld-") || name.starts_with("linux-vdso");
        let own = [Name::Malloc.real(), self.libc];
        if is_loader || own.iter().any(|&address| object.contains(address)) {
            Some(Skip::Allocator)
        } else if object.contains(hooks::own_code()) {
            Some(Skip::Agent)
        } else {
            None
        }
    }

    /// The library's number; objects of one name share it.
    fn number(&mut self, name: &str) -> u8 {
        let known = self.names.iter().skip(1).position(|known| known == name);
        let index = known.map_or(self.names.len(), |position| position + 1);
        match u8::try_from(index) {
            Ok(number) if index < LIBRARIES => {
                if known.is_none() {
                    self.names.push(name.to_owned());
                }
                number
            }
            _ => 0,
        }
    }

    /// Name of a library.
    pub(super) fn name(&self, library: usize) -> &str {
        self.names.get(library).map_or("other", String::as_str)
    }

    /// Libraries that were ever seen, and number 0.
    pub(super) fn libraries(&self) -> usize {
        self.names.len()
    }
}

enum Slot {
    Wanted(Name),
    Done,
    Foreign,
    None,
}

fn judge(import: &Import<'_>) -> Slot {
    let Some(name) = Name::of(import.name).filter(|name| name.real() != 0) else {
        return Slot::None;
    };
    let entries = hooks::entry(name, 0)..=hooks::entry(name, u8::MAX);
    if import.unbound || import.value == name.real() {
        Slot::Wanted(name)
    } else if entries.contains(&import.value) {
        Slot::Done
    } else {
        Slot::Foreign
    }
}

/// Number of slots that were replaced; `None` when they cannot be made writable.
#[allow(unsafe_code)]
fn replace(object: &Object<'_>, library: u8) -> Option<u32> {
    object.with_writable_slots(|| {
        let mut replaced = 0;
        object.for_each_import(|import| {
            if let Slot::Wanted(name) = judge(&import) {
                // SAFETY: the entry has the function's signature and is never unloaded.
                let is_replaced = unsafe { object.replace(&import, hooks::entry(name, library)) };
                replaced += u32::from(is_replaced);
            }
        });
        replaced
    })
}

/// The name that the object was linked under, else its file's: never a path. Runs of digits, as in the names of files
/// that libraries are unpacked to, are folded, so that each life of a library has the same name.
fn name_of(object: &Object<'_>) -> String {
    match object.soname() {
        Some(soname) => String::from_utf8_lossy(soname).into_owned(),
        None if object.path.is_empty() => executable(),
        None => folded(file_name(&object.path.to_string_lossy())),
    }
}

fn executable() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    file_name(&path.to_string_lossy()).to_owned()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Replaces what looks made up, five or more hexadecimal digits or dashes with a digit among them, by a star.
fn folded(name: &str) -> String {
    const SHORTEST: usize = 5;
    let mut folded = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == '-';
        let run = rest.find(|c| !is_hex(c)).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(run);
        if run == 0 {
            folded.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let digits = head.bytes().filter(u8::is_ascii_digit).count();
        if digits >= SHORTEST {
            folded.push('*');
        } else {
            folded.push_str(head);
        }
        rest = tail;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unpacked_libraries_are_folded() {
        for (name, expected) in [
            ("librocksdbjni1234567890.so", "librocksdbjni*.so"),
            ("librocksdbjni-linux64.so", "librocksdbjni-linux64.so"),
            (
                "snappy-1.1.10-3f2b9c4e-8d1a-4b6e-9f00-aa12bb34cc56-libsnappyjava.so",
                "snappy-1.1.*libsnappyjava.so",
            ),
            ("libz.so.1", "libz.so.1"),
        ] {
            assert_eq!(folded(name), expected);
        }
    }

    #[test]
    fn libraries_of_one_name_share_a_number_and_those_without_room_number_0() {
        let mut imports = Imports::default();
        imports.names.push("other".to_owned());
        assert_eq!((imports.number("a"), imports.number("b")), (1, 2));
        assert_eq!((imports.number("a"), imports.name(2)), (1, "b"));
        let numbers: Vec<u8> = (0..400).map(|n| imports.number(&n.to_string())).collect();
        assert_eq!(
            numbers.iter().filter(|&&number| number == 0).count(),
            400 - 253
        );
        assert_eq!(imports.libraries(), LIBRARIES);
    }
}
