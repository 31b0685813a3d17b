//! The files in `deploy/kubernetes`, held against the API's schemas and given to Flink's own classes.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts::root;
use flinkmem_tests::documents::Page;
use flinkmem_tests::flink::Home;
use flinkmem_tests::jdk::run_script;
use flinkmem_tests::{Jdk, javac};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first with sidecars that need no switch, and one that is current.
const API_VERSIONS: [&str; 2] = ["1.29", "1.34"];

const VERSIONS: [&str; 2] = ["1.20.5", "2.3.0"];

const LOADS_THE_AGENT: &str = "-agentpath:/opt/flinkmem/libflinkmem.so=dir=/traces";

fn file(name: &str) -> PathBuf {
    root().join("deploy/kubernetes").join(name)
}

#[test]
fn every_file_fits_the_schemas_of_the_api() -> Result<()> {
    let validator = run_script("fetch-kubernetes-schemas", "")?;
    let mut validated = 0;
    for entry in std::fs::read_dir(root().join("deploy/kubernetes"))? {
        let path = entry?.path();
        // The operator's own kind is in no schema of Kubernetes; what is a pod in it is given to Flink below.
        if path.ends_with("flinkdeployment.yaml")
            || path.extension().is_none_or(|extension| extension != "yaml")
        {
            continue;
        }
        for version in API_VERSIONS {
            fits(&validator, version, &path)?;
            validated += 1;
        }
    }
    ensure!(validated >= 8, "only {validated} files");
    Ok(())
}

fn fits(validator: &Path, version: &str, file: &Path) -> Result<()> {
    let output = Command::new("python3")
        .args(["-m", "kubernetes_validate", "--strict", "-k", version])
        .arg(file)
        .env("PYTHONPATH", validator)
        .output()?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        output.status.success() && said.contains("passed"),
        "{}: {said}",
        file.display()
    );
    Ok(())
}

#[test]
fn flink_builds_both_kinds_of_pod_from_the_templates() -> Result<()> {
    for version in VERSIONS {
        for template in ["pod-template.yaml", "pod-template-claim.yaml"] {
            let built = Built::from(
                version,
                &file(template),
                &page_configuration("docs/flink/kubernetes.md")?,
            )?;
            built.both_load_the_agent()?;
            built.has_the_sidecar(template == "pod-template.yaml")?;
        }
    }
    Ok(())
}

#[test]
fn flink_builds_both_kinds_of_pod_from_what_the_operator_hands_on() -> Result<()> {
    for version in VERSIONS {
        let memory = "taskmanager.memory.process.size: 4g\njobmanager.memory.process.size: 2g\n";
        let built = Built::from(version, &file("flinkdeployment.yaml"), memory)?;
        built.both_load_the_agent()?;
        built.has_the_sidecar(true)?;
    }
    Ok(())
}

/// Why the sidecar is an init container.
#[test]
fn flink_takes_a_pod_for_lost_when_an_ordinary_sidecar_ends() -> Result<()> {
    for version in VERSIONS {
        let configuration = page_configuration("docs/flink/kubernetes.md")?;
        let built = Built::from(version, &file("pod-template.yaml"), &configuration)?;
        let ended = built.find("ended")?;
        assert_eq!(
            (&ended["container"], &ended["init_container"]),
            (&Value::Bool(true), &Value::Bool(false))
        );
    }
    Ok(())
}

fn page_configuration(page: &str) -> Result<String> {
    let memory = "taskmanager.memory.process.size: 1728m\njobmanager.memory.process.size: 1600m\n";
    Ok(format!(
        "{memory}{}",
        Page::open(page)?.block_below("The agent in both processes", "yaml")?
    ))
}

/// What Flink would ask of the API server.
struct Built(Vec<Value>);

impl Built {
    fn from(version: &str, template: &Path, configuration: &str) -> Result<Self> {
        let home = Home::fetch(version)?;
        let folder = tempfile::tempdir()?;
        let text = format!("kubernetes.cluster-id: example\n{configuration}");
        let text = text.replace(
            "/opt/flink/conf/pod-template.yaml",
            &template.display().to_string(),
        );
        std::fs::write(folder.path().join("config.yaml"), text)?;
        let output = Command::new(Jdk::find(17)?.tool("java"))
            .args(["--add-opens=java.base/java.util=ALL-UNNAMED", "-classpath"])
            .arg(javac::of_flink(&home)?)
            .arg("BuiltPods")
            .args([folder.path(), template])
            .env("FLINK_CONF_DIR", folder.path())
            .output()?;
        ensure!(
            output.status.success(),
            "{version}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = String::from_utf8(output.stdout)?;
        let parsed: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
        Ok(Self(parsed?))
    }

    fn find(&self, what: &str) -> Result<&Value> {
        self.0
            .iter()
            .find(|document| document["what"] == what)
            .with_context(|| format!("no {what} was built"))
    }

    fn pods(&self) -> Result<[&Value; 2]> {
        let taskmanager = &self.find("taskmanager")?["resource"]["spec"];
        let jobmanager = &self.find("jobmanager")?["resource"]["spec"]["template"]["spec"];
        Ok([taskmanager, jobmanager])
    }

    /// The library is copied into a volume and mounted where the configuration, as the container sees it, names it.
    fn both_load_the_agent(&self) -> Result<()> {
        let configuration = self.find("ConfigMap")?["resource"]["data"]["config.yaml"].to_string();
        ensure!(
            configuration.matches(LOADS_THE_AGENT).count() == 2,
            "{configuration}"
        );
        for pod in self.pods()? {
            let main = named(&pod["containers"], "flink-main-container")?;
            let install = named(&pod["initContainers"], "flinkmem-install")?;
            let library = mounted_at(main, "/opt/flinkmem")?;
            ensure!(library == mounted_at(install, "/opt/flinkmem")?, "{pod}");
            ensure!(install["args"][1] == "/opt/flinkmem", "{install}");
            for volume in [library, mounted_at(main, "/traces")?] {
                named(&pod["volumes"], volume)?;
            }
            ensure!(pod["securityContext"]["runAsUser"] == 9999, "{pod}");
        }
        Ok(())
    }

    fn has_the_sidecar(&self, expected: bool) -> Result<()> {
        for pod in self.pods()? {
            let Ok(watch) = named(&pod["initContainers"], "flinkmem-watch") else {
                ensure!(!expected, "no sidecar in {pod}");
                continue;
            };
            ensure!(expected && watch["restartPolicy"] == "Always", "{watch}");
            let main = named(&pod["containers"], "flink-main-container")?;
            ensure!(
                mounted_at(watch, "/traces")? == mounted_at(main, "/traces")?,
                "{pod}"
            );
        }
        Ok(())
    }
}

fn named<'a>(list: &'a Value, name: &str) -> Result<&'a Value> {
    let mut all = list.as_array().into_iter().flatten();
    all.find(|item| item["name"] == name)
        .with_context(|| format!("no {name} in {list}"))
}

fn mounted_at<'a>(container: &'a Value, path: &str) -> Result<&'a str> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let mount = mounts.into_iter().find(|mount| mount["mountPath"] == path);
    mount
        .and_then(|mount| mount["name"].as_str())
        .with_context(|| format!("nothing is mounted at {path} in {container}"))
}
