//! Whether what is written outlives the container: by the mount on which the directory lies.

use super::Check;
use procfs::process::{MountInfo, Process};
use std::path::Path;

/// Where the directory lies, for a process by its name in /proc. Nothing where mounts cannot be read.
pub(super) fn check(dir: &Path, process: &str) -> Option<Check> {
    let mounts = match process {
        "self" => Process::myself(),
        pid => Process::new(pid.parse().ok()?),
    };
    let mounts: Vec<MountInfo> = mounts.ok()?.mountinfo().ok()?.into_iter().collect();
    let real = dir.ancestors().find_map(|ancestor| {
        Some(
            ancestor
                .canonicalize()
                .ok()?
                .join(dir.strip_prefix(ancestor).ok()?),
        )
    });
    let mount = mount_of(&mounts, real.as_deref().unwrap_or(dir))?;
    Some(judged(dir, mount))
}

/// The mount with the longest path above the directory; of several at one place the last, which covers the others.
fn mount_of<'a>(mounts: &'a [MountInfo], dir: &Path) -> Option<&'a MountInfo> {
    let above = mounts
        .iter()
        .filter(|mount| dir.starts_with(&mount.mount_point));
    above.max_by_key(|mount| mount.mount_point.components().count())
}

/// What the kubelet calls the folder of an emptyDir, also one in memory.
const EMPTY_DIR: &str = "kubernetes.io~empty-dir";
/// And those of volumes that outlive a pod.
const VOLUMES: &str = "/volumes/kubernetes.io~";

fn judged(dir: &Path, mount: &MountInfo) -> Check {
    let shown = dir.display();
    let (point, kind) = (mount.mount_point.display(), mount.fs_type.as_str());
    let source = format!(
        "{} {}",
        mount.root,
        mount.mount_source.as_deref().unwrap_or_default()
    );
    let of_kubernetes = source.contains(VOLUMES) && !source.contains(EMPTY_DIR);
    match kind {
        "overlay" | "aufs" | "fuse.fuse-overlayfs" => Check::warning(
            "volume",
            format!(
                "{shown} lies in the container's own layer ({kind}), which is gone with the container, also at a mere restart of it"
            ),
            "mount a volume there: an emptyDir outlives restarts of the container, a persistent volume or hostPath the pod",
        ),
        "tmpfs" | "ramfs" => Check::warning(
            "volume",
            format!(
                "{shown} lies in memory ({kind} at {point}): it counts against the container's limit, and is gone with the pod or at a reboot"
            ),
            "use a volume on disk; an emptyDir without medium: Memory will do for restarts of the container",
        ),
        _ if source.contains(EMPTY_DIR) => Check::ok(
            "volume",
            format!(
                "{shown} is an emptyDir: it outlives restarts of the container, but not the pod; copy traces away before a pod is deleted"
            ),
        ),
        _ if of_kubernetes || mount.mount_point != Path::new("/") => Check::ok(
            "volume",
            format!("{shown} lies on {kind} mounted at {point}, which outlives a container"),
        ),
        _ => Check::ok("volume", format!("{shown} lies on this host's own {kind}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    /// Lines of mountinfo as containerd and the kubelet leave them.
    const MOUNTS: [&str; 6] = [
        "1 0 0:300 / / rw,relatime - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c",
        "2 1 8:1 /var/lib/kubelet/pods/1f/volumes/kubernetes.io~empty-dir/traces /traces rw,relatime - ext4 /dev/sda1 rw",
        "3 1 0:301 / /memory rw,relatime - tmpfs tmpfs rw,size=1g",
        "4 1 0:302 /x /claimed rw,relatime - nfs4 10.0.0.1:/exports rw",
        "5 2 8:2 / /traces/deep ro,relatime - xfs /dev/sdb1 rw",
        "6 1 8:1 /var/lib/kubelet/pods/1f/volumes/kubernetes.io~csi/pvc-1/mount /csi rw - ext4 /dev/sdc rw",
    ];

    #[test]
    fn what_goes_with_the_container_is_told_from_what_stays() {
        let mounts: Vec<MountInfo> = MOUNTS
            .iter()
            .map(|line| MountInfo::from_line(line).unwrap())
            .collect();
        for (dir, outcome, says) in [
            ("/opt/flink/log", Outcome::Warning, "own layer"),
            ("/memory/t", Outcome::Warning, "in memory"),
            ("/traces/x", Outcome::Ok, "emptyDir"),
            ("/traces/deep/x", Outcome::Ok, "xfs"),
            ("/claimed", Outcome::Ok, "nfs4"),
            ("/csi/t", Outcome::Ok, "outlives"),
            ("/tracesnot", Outcome::Warning, "own layer"),
        ] {
            let check = judged(Path::new(dir), mount_of(&mounts, Path::new(dir)).unwrap());
            assert_eq!(check.outcome, outcome, "{dir}: {check:?}");
            assert!(check.detail.contains(says), "{dir}: {check:?}");
        }
    }
}
