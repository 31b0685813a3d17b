//! End-to-end tests: the built agent and command line, in real JVMs and a real Flink.
//!
//! One binary, a module per matter:
