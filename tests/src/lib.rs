//! The fault lab: real JVMs, real Flink, real faults.
