//! `/proc/self/task`: the threads of this process, their names, and where their stack pointers are.

use std::fs::File;
use std::io::Read;

/// More than any limit of threads in a container.
const MOST_THREADS: usize = 1 << 16;

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadStack {
    /// Thread id.
    pub id: u32,
    /// `comm`: the first 15 bytes of its name.
    pub name: String,
    /// Its stack pointer; absent while it runs, or where the kernel does not tell (`/proc/self/task/<id>/syscall`).
    pub stack_pointer: Option<u64>,
}

/// All threads. One that ends meanwhile is left out. Costs about 20 µs a thread.
#[must_use]
pub fn thread_stacks() -> Vec<ThreadStack> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let ids = tasks.flatten().filter_map(|task| {
        let name = task.file_name();
        name.to_str()?.parse().ok()
    });
    ids.take(MOST_THREADS).filter_map(thread).collect()
}

fn thread(id: u32) -> Option<ThreadStack> {
    let mut buffer = [0; 256];
    let name = read(id, "comm", &mut buffer)?.trim_end().to_owned();
    let stack_pointer = read(id, "syscall", &mut buffer).and_then(stack_pointer);
    Some(ThreadStack {
        id,
        name,
        stack_pointer,
    })
}

/// The last but one field, in a system call (`0 0x3 … sp pc`) and outside of one (`-1 sp pc`) alike.
fn stack_pointer(line: &str) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace().rev();
    let field = fields.nth(1)?.strip_prefix("0x")?;
    u64::from_str_radix(field, 16).ok()
}

fn read<'b>(id: u32, name: &str, buffer: &'b mut [u8]) -> Option<&'b str> {
    let mut file = File::open(format!("/proc/self/task/{id}/{name}")).ok()?;
    let length = file.read(buffer).ok()?;
    // A name is bytes; what is no text is left away.
    let bytes = buffer.get(..length)?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_pointer_is_the_last_but_one_field() {
        let waiting = "202 0x7f1 0x80 0x0 0x0 0x0 0xffffffff 0x7ffe73fc7448 0x7feb6d3702ad\n";
        assert_eq!(stack_pointer(waiting), Some(0x7ffe_73fc_7448));
        assert_eq!(
            stack_pointer("-1 0x7ffe73fc7448 0x7feb6d3702ad\n"),
            Some(0x7ffe_73fc_7448)
        );
        assert_eq!(stack_pointer("running\n"), None);
        assert_eq!(stack_pointer(""), None);
    }

    #[test]
    fn a_waiting_thread_of_this_process_is_found_by_its_name() {
        let (wake, waits) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let body = move || {
            let local = 0_u8;
            let _ = tell.send(std::ptr::from_ref(&local).addr() as u64);
            let _ = waits.recv();
        };
        let thread = std::thread::Builder::new().name("stack-finder".to_owned());
        let thread = thread.spawn(body).unwrap();
        let local: u64 = told.recv().unwrap();
        let found = loop {
            let mut all = thread_stacks().into_iter();
            let found = all.find(|thread| thread.name == "stack-finder").unwrap();
            if let Some(pointer) = found.stack_pointer {
                break pointer;
            }
        };
        assert!(found.abs_diff(local) < 64 << 10, "{found:x} {local:x}");
        drop(wake);
        thread.join().unwrap();
    }
}
