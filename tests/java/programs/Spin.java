/** Keeps two processors busy until its test has seen enough. */
public final class Spin {
    private static volatile long turns;

    public static void main(String[] arguments) throws Exception {
        for (int i = 0; i < 2; i++) {
            Thread thread = new Thread(Spin::spin, "spin-" + i);
            thread.setDaemon(true);
            thread.start();
        }
        Steps.pause("spinning");
        Steps.say("done");
    }

    private static void spin() {
        while (true) {
            turns++;
        }
    }
}
