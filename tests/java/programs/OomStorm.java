/** Makes a great many OutOfMemoryErrors, from two threads, and ordinary exceptions between them. */
public final class OomStorm {
    private static volatile Throwable last;

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        int times = Integer.parseInt(arguments[0]);
        Thread other = new Thread(() -> storm(times), "storm");
        other.start();
        storm(times);
        other.join();
        Steps.pause("stormed", 2 * times);
        Steps.say("done");
    }

    private static void storm(int times) {
        for (int i = 0; i < times; i++) {
            last = new OutOfMemoryError("storm");
            last = new IllegalStateException("nothing to do with memory");
        }
    }
}
