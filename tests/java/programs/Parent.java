import java.util.concurrent.TimeUnit;

/** Has a child whose child holds as many bytes as it is told, and holds next to nothing itself. */
public final class Parent {
    public static void main(String[] arguments) throws Exception {
        // A line without end is held by `tail` until its input ends, which is when `sleep` does.
        String script = "(head -c " + arguments[0] + " /dev/zero; exec sleep 60) | tail -n 1";
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", script, "secret-argument");
        Process child = builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        Steps.pause("started");
        child.descendants().forEach(ProcessHandle::destroyForcibly);
        child.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        Steps.pause("ended");
        Steps.say("done");
    }
}
