import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Makes inflaters and deflaters of the JDK: first some that are kept and never ended, at two places, then many that are
 * ended, then many from several threads. After each step it says how many inflaters and deflaters it made and ended.
 */
public final class Codecs {
    private static final List<Object> KEPT = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        end(new Inflater(), new Deflater());
        Steps.pause("before", 1, 1, 1, 1);
        forget(150);
        cache(40);
        Steps.pause("leaked", 1 + 150, 1, 1 + 40, 1);
        for (int i = 0; i < 500; i++) {
            end(new Inflater(), new Deflater());
        }
        Steps.pause("clean", 1 + 150 + 500, 1 + 500, 1 + 40 + 500, 1 + 500);
        storm(threads, rounds);
        long stormed = (long) threads * rounds;
        Steps.pause("stormed", 1 + 150 + 500 + stormed, 1 + 500 + stormed, 1 + 40 + 500, 1 + 500);
        for (Object kept : KEPT) {
            if (kept instanceof Inflater) {
                ((Inflater) kept).end();
            } else {
                ((Deflater) kept).end();
            }
        }
        Steps.pause("after", 651 + stormed, 651 + stormed, 541, 541);
    }

    private static void forget(int count) {
        for (int i = 0; i < count; i++) {
            KEPT.add(new Inflater(true));
        }
    }

    private static void cache(int count) {
        for (int i = 0; i < count; i++) {
            KEPT.add(new Deflater(1));
        }
    }

    private static void end(Inflater inflater, Deflater deflater) {
        inflater.end();
        deflater.end();
    }

    private static void storm(int threads, int rounds) throws InterruptedException {
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            workers[i] = new Thread(() -> {
                for (int round = 0; round < rounds; round++) {
                    new Inflater().end();
                }
            }, "storm-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
    }
}
