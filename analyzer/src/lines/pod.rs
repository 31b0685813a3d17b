//! Pod status as `kubectl get pod -o json` and `-o yaml` print it.

use super::fact::Fact;
use super::kubernetes::ended;
use serde_json::Value;

/// The facts of a pod or a list of pods, each with the time at which a container ended.
#[must_use]
pub(super) fn read(document: &Value) -> Vec<(Fact, Option<i64>)> {
    let mut facts = Vec::new();
    match document.get("items").and_then(Value::as_array) {
        Some(pods) => pods.iter().for_each(|pod| pod_facts(pod, &mut facts)),
        None => pod_facts(document, &mut facts),
    }
    facts
}

fn pod_facts(pod: &Value, facts: &mut Vec<(Fact, Option<i64>)>) {
    for statuses in ["containerStatuses", "initContainerStatuses"] {
        let statuses = pod
            .pointer(&format!("/status/{statuses}"))
            .and_then(Value::as_array);
        for status in statuses.into_iter().flatten() {
            let name = status.get("name").and_then(Value::as_str);
            let limit = name.and_then(|name| limit(pod, name));
            for state in ["lastState", "state"] {
                let Some(ended) = status.pointer(&format!("/{state}/terminated")) else {
                    continue;
                };
                let t_ms = ended
                    .get("finishedAt")
                    .and_then(Value::as_str)
                    .and_then(|t| t.parse::<jiff::Timestamp>().ok());
                let told = container(name, ended, limit);
                facts.extend(
                    told.into_iter()
                        .map(|fact| (fact, t_ms.map(|t| t.as_millisecond()))),
                );
            }
        }
    }
}

fn container(name: Option<&str>, terminated: &Value, limit: Option<u64>) -> Vec<Fact> {
    let reason = terminated.get("reason").and_then(Value::as_str);
    let code = terminated.get("exitCode").and_then(Value::as_i64);
    let code = code.and_then(|code| i32::try_from(code).ok());
    ended(
        name.map(str::to_owned),
        reason.map(str::to_owned),
        code,
        limit,
    )
}

fn limit(pod: &Value, container: &str) -> Option<u64> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let named = |spec: &&Value| spec.get("name").and_then(Value::as_str) == Some(container);
    let limit = containers
        .iter()
        .find(named)?
        .pointer("/resources/limits/memory")?;
    match limit {
        Value::String(text) => memory(text),
        number => number.as_u64(),
    }
}

/// A quantity of memory as Kubernetes writes it: `Mi` is binary, `M` decimal.
#[must_use]
pub(super) fn memory(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let (base, power) = match unit {
        "" => (1.0, 0),
        "k" => (1e3, 1),
        "M" => (1e3, 2),
        "G" => (1e3, 3),
        "T" => (1e3, 4),
        "Ki" => (1024.0, 1),
        "Mi" => (1024.0, 2),
        "Gi" => (1024.0, 3),
        "Ti" => (1024.0, 4),
        _ => return None,
    };
    let bytes = number * f64::powi(base, power);
    (bytes.is_finite() && bytes < 1e18).then(|| crate::units::to_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_killed_container_with_its_limit_and_time() {
        let pod = json!({"kind": "Pod",
            "spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "2G"}}}]},
            "status": {"containerStatuses": [{"name": "main", "lastState": {"terminated":
                {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-20T17:15:42Z"}}}]}});
        let facts = read(&pod);
        assert_eq!(facts.len(), 2);
        assert!(
            matches!(&facts[1], (Fact::ContainerKilled(kill), Some(1_795_194_942_000)) if kill.limit == Some(2_000_000_000)),
            "{facts:?}"
        );
    }
}
