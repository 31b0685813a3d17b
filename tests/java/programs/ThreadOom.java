import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Starts threads until the operating system refuses. */
public final class ThreadOom {
    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        CountDownLatch end = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        String message = null;
        try {
            while (true) {
                Thread thread = new Thread(() -> await(end), "hoarded-" + threads.size());
                thread.setDaemon(true);
                thread.start();
                threads.add(thread);
            }
        } catch (OutOfMemoryError error) {
            message = error.getMessage();
        }
        end.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        Steps.pause("refused", threads.size(), message);
        Steps.say("done");
    }

    private static void await(CountDownLatch end) {
        try {
            end.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
