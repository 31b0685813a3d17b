import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.yarn.Utils;
import org.apache.flink.runtime.clusterframework.ContaineredTaskManagerParameters;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;

/**
 * Prints the command with which Flink has YARN start a TaskManager, for the configuration directory in the first argument. YARN
 * replaces {@code <LOG_DIR>} by the container's directory for logs.
 */
public final class YarnCommand {
    public static void main(String[] arguments) {
        Configuration configuration = GlobalConfiguration.loadConfiguration(arguments[0]);
        ContaineredTaskManagerParameters parameters =
                ContaineredTaskManagerParameters.create(
                        configuration, TaskExecutorProcessUtils.processSpecFromConfig(configuration));
        String command =
                Utils.getTaskManagerShellCommand(
                        configuration, parameters, ".", "<LOG_DIR>", false, true, false, TaskManagerRunner.class, "");
        System.out.println(command);
    }
}
