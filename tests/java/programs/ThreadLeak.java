import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Starts threads that stay, with numbered names and a class loader of their own, and threads that end. */
public final class ThreadLeak {
    private static final CountDownLatch END = new CountDownLatch(1);

    public static void main(String[] arguments) throws Exception {
        int staying = Integer.parseInt(arguments[0]);
        int passing = Integer.parseInt(arguments[1]);
        Steps.pause("ready");
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < staying; i++) {
            threads.add(leak(i));
        }
        for (int i = 0; i < passing; i++) {
            pass(i).join();
        }
        Steps.pause("leaked");
        END.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        Steps.pause("ended");
        Steps.say("done");
    }

    private static Thread leak(int number) {
        Thread thread = new Thread(ThreadLeak::await, "uploader-" + number + "-of-attempt-7f3a01c2deadbeef");
        thread.setDaemon(true);
        thread.setContextClassLoader(new URLClassLoader(new URL[0]));
        thread.start();
        return thread;
    }

    private static Thread pass(int number) {
        Thread thread = new Thread(() -> {}, "passing-" + number);
        thread.start();
        return thread;
    }

    private static void await() {
        try {
            END.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
