//! Netty's own account of direct memory.

use serde::{Deserialize, Serialize};

/// One copy of Netty: the counters of a loaded class `io.netty.util.internal.PlatformDependent`, plain or shaded. User jars
/// bring copies of their own, one for each class loader.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NettyCopy {
    /// Number of the copy in this trace: the same in all samples, and not given again.
    pub id: u32,
    /// Package that stands for Netty's `io.netty`, such as `org.apache.flink.shaded.netty4.io.netty`.
    pub package: String,
    /// Class of its class loader; absent for those of the JVM itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// `DIRECT_MEMORY_COUNTER`: bytes in buffers without a cleaner, which `java.nio.Bits` does not count. Absent when this
    /// copy makes its buffers with a cleaner: they are in the counters of `java.nio.Bits` then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<u64>,
    /// `DIRECT_MEMORY_LIMIT`, which such buffers are held against; absent without `used_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}
