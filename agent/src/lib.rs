//! The agent: a guest in someone else's JVM that reads, accounts and appends. It never judges.
