//! What the JVM and the kernel say about a process's memory: readings, no policy.
