//! JVM side.
