/** Lives until its test has seen enough. */
public final class Idle {
    public static void main(String[] arguments) throws Exception {
        Steps.pause("idle");
        Steps.say("done");
    }
}
