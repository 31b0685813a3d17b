import java.util.ArrayList;
import java.util.List;

/** Allocates on the heap from two threads, collects, throws and catches: what the JVM's own checks should watch. */
public final class Busy {
    private static volatile Object sink;

    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Thread thread = new Thread(Busy::work, "busy-" + i);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.gc();
        Steps.pause("worked");
        Steps.say("done");
    }

    private static void work() {
        for (int i = 0; i < 200; i++) {
            sink = new byte[1 << 18];
            try {
                throw new IllegalStateException("thrown " + i);
            } catch (IllegalStateException expected) {
                sink = expected;
            }
        }
    }
}
