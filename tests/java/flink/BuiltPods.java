import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.flink.client.deployment.ClusterSpecification;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.kubernetes.kubeclient.FlinkKubeClient;
import org.apache.flink.kubernetes.kubeclient.FlinkKubeClientFactory;
import org.apache.flink.kubernetes.kubeclient.FlinkPod;
import org.apache.flink.kubernetes.kubeclient.KubernetesJobManagerSpecification;
import org.apache.flink.kubernetes.kubeclient.factory.KubernetesJobManagerFactory;
import org.apache.flink.kubernetes.kubeclient.factory.KubernetesTaskManagerFactory;
import org.apache.flink.kubernetes.kubeclient.parameters.KubernetesJobManagerParameters;
import org.apache.flink.kubernetes.kubeclient.parameters.KubernetesTaskManagerParameters;
import org.apache.flink.kubernetes.kubeclient.resources.KubernetesPod;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.api.model.HasMetadata;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.api.model.Pod;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.api.model.PodBuilder;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.client.utils.Serialization;
import org.apache.flink.kubernetes.utils.KubernetesUtils;
import org.apache.flink.runtime.clusterframework.ContaineredTaskManagerParameters;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;

/**
 * What Flink's native Kubernetes integration would ask of the API server, built by Flink's own classes without a cluster: a
 * TaskManager's pod, the JobManager's deployment, and what goes with it; one JSON document a line. The first argument is the
 * configuration directory, the second a pod template, or a FlinkDeployment: the operator hands its `podTemplate` and
 * `flinkConfiguration` on to Flink. Last comes whether Flink takes a TaskManager for lost once only a sidecar has ended, as a
 * container of the pod and as an init container that is always restarted.
 */
public final class BuiltPods {
    public static void main(String[] arguments) throws Exception {
        // What Flink's classes print on the way is not the result.
        PrintStream result = System.out;
        System.setOut(System.err);

        Configuration configuration = configuration(arguments[0]);
        File file = new File(arguments[1]);
        GenericKubernetesResource given = Serialization.unmarshal(Files.readString(file.toPath()), GenericKubernetesResource.class);
        if (given.getKind().equals("FlinkDeployment")) {
            file = podTemplateOf(given, configuration);
        }
        FlinkPod template = template(configuration, file);

        Pod taskManager = taskManager(configuration, template);
        print(result, "taskmanager", taskManager);
        KubernetesJobManagerSpecification jobManager = jobManager(configuration, template);
        print(result, "jobmanager", jobManager.getDeployment());
        for (HasMetadata resource : jobManager.getAccompanyingResources()) {
            print(result, resource.getKind(), resource);
        }
        boolean container = new KubernetesPod(withEnded(taskManager, false)).isTerminated();
        boolean initContainer = new KubernetesPod(withEnded(taskManager, true)).isTerminated();
        result.println("{\"what\":\"ended\",\"container\":" + container + ",\"init_container\":" + initContainer + "}");
    }

    /** With what Flink's client adds before it builds anything: fixed ports, and whom to start. */
    private static Configuration configuration(String directory) {
        Configuration configuration = GlobalConfiguration.loadConfiguration(directory);
        configuration.setString("taskmanager.rpc.port", "6122");
        configuration.setString("blob.server.port", "6124");
        configuration.setString("execution.target", "kubernetes-session");
        configuration.setString(
                "kubernetes.internal.jobmanager.entrypoint.class",
                "org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint");
        return configuration;
    }

    /** Adds the deployment's options to `configuration`; its pod template as a file of its own. */
    private static File podTemplateOf(GenericKubernetesResource deployment, Configuration configuration) throws IOException {
        Map<String, Object> spec = deployment.get("spec");
        Map<?, ?> options = (Map<?, ?>) spec.get("flinkConfiguration");
        options.forEach((key, value) -> configuration.setString(key.toString(), value.toString()));
        Map<String, Object> pod = new HashMap<>();
        pod.put("apiVersion", "v1");
        pod.put("kind", "Pod");
        ((Map<?, ?>) spec.get("podTemplate")).forEach((key, value) -> pod.put(key.toString(), value));
        File file = File.createTempFile("pod-template", ".yaml");
        file.deleteOnExit();
        Files.writeString(file.toPath(), Serialization.asYaml(pod));
        return file;
    }

    /** Decoded as Flink decodes `kubernetes.pod-template-file`. Making a client connects to nobody. */
    private static FlinkPod template(Configuration configuration, File file) throws Exception {
        try (FlinkKubeClient client = FlinkKubeClientFactory.getInstance().fromConfiguration(configuration, "template")) {
            return KubernetesUtils.loadPodFromTemplateFile(client, file, "flink-main-container");
        }
    }

    private static Pod taskManager(Configuration configuration, FlinkPod template) {
        TaskExecutorProcessSpec process = TaskExecutorProcessUtils.processSpecFromConfig(configuration);
        ContaineredTaskManagerParameters container = ContaineredTaskManagerParameters.create(configuration, process);
        KubernetesTaskManagerParameters parameters =
                new KubernetesTaskManagerParameters(
                        configuration, "example-taskmanager-1-1", "", "", container, new HashMap<>(), Set.of());
        return KubernetesTaskManagerFactory.buildTaskManagerKubernetesPod(template, parameters).getInternalResource();
    }

    private static KubernetesJobManagerSpecification jobManager(Configuration configuration, FlinkPod template) throws Exception {
        ClusterSpecification cluster =
                new ClusterSpecification.ClusterSpecificationBuilder()
                        .setMasterMemoryMB(1600)
                        .setTaskManagerMemoryMB(1728)
                        .setSlotsPerTaskManager(1)
                        .createClusterSpecification();
        KubernetesJobManagerParameters parameters = new KubernetesJobManagerParameters(configuration, cluster);
        return KubernetesJobManagerFactory.buildKubernetesJobManagerSpecification(template, parameters);
    }

    /** The pod as its status would be once the sidecar's process, and nothing else, has ended. */
    private static Pod withEnded(Pod pod, boolean asInitContainer) {
        String ended = "{\"name\":\"flinkmem-watch\",\"state\":{\"terminated\":{\"exitCode\":1}}}";
        String running = "{\"name\":\"flink-main-container\",\"state\":{\"running\":{}}}";
        String status =
                asInitContainer
                        ? "{\"phase\":\"Running\",\"containerStatuses\":[" + running + "],\"initContainerStatuses\":[" + ended + "]}"
                        : "{\"phase\":\"Running\",\"containerStatuses\":[" + running + "," + ended + "],\"initContainerStatuses\":[]}";
        Pod told = Serialization.unmarshal("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"status\":" + status + "}", Pod.class);
        return new PodBuilder(pod).withStatus(told.getStatus()).build();
    }

    private static void print(PrintStream result, String what, HasMetadata resource) {
        String json = Serialization.asJson(resource).replace("\n", " ");
        result.println("{\"what\":\"" + what + "\",\"resource\":" + json + "}");
    }
}
