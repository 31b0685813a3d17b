//! End-to-end tests: the built agent and command line, in real JVMs and a real Flink.
//!
//! One binary, a module per matter:

mod accounting; // exact bytes and blocks of known programs, and whose they are
mod attach; // loaded into JVMs that run already; snapshots on demand
mod command_line; // what packagers and installers use: version, completions, manual pages, install
mod disk; // directories that cannot be written, full disks, the disk budget
mod doctor; // what an installation lacks, and that one that works is told so
mod documents; // the documents, tried: commands, links, configuration
mod earlier; // traces of earlier lives: how the last one ended, how many stay
mod failures; // a failure inside the agent never reaches the program
mod html; // the page of diagnose --format html, in a real browser
mod incidents; // each kind of exhausted memory, and what is known about it
mod inside; // what Netty and Flink keep account of, against what they say themselves
mod java_heap; // classes, holders and surviving allocations of the Java heap
mod kill; // SIGKILL at any moment
mod lab; // real Flink, real faults, expected verdicts
mod ledger; // every resident byte with its owner
mod libraries; // malloc by library: whose the bytes are
mod load; // loads everywhere, tells the truth about the JVM, and the program notices nothing
mod loaders; // class loaders: who is alive, and what keeps those of ended jobs
mod model; // Flink's own table of pools, against the model
mod native_objects; // Java objects that hold native memory: exact counts, and whose they are
mod options; // options honoured; wrong ones named
mod pauses; // pauses with their cause, and what else keeps a process from running
mod serve; // a real Prometheus scrapes a real Flink: alerts, dashboard
mod serve_cost; // what the server takes, for one process and for fifty
mod surroundings; // children, other processes in the container, page cache, host
mod threads; // threads by name pattern, who starts them, what limits them
mod top; // the terminal view: limits as given, keys, signals, the terminal given back
mod watch; // what `flinkmem watch` tells of a JVM that runs
