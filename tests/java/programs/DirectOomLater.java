/** {@link DirectOom}, once its test has seen that the agent is at work. */
public final class DirectOomLater {
    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        DirectOom.main(arguments);
    }
}
