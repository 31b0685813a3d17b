import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Allocates and frees blocks of mixed sizes from several threads, some blocks by another thread than the one that
 * allocated them, and says exactly what stays live: blocks, then bytes asked for. All sizes are multiples of 8, to which Java
 * rounds before it asks the JVM.
 */
public final class AllocStorm {
    private static final int SLOTS = 4096;
    private static final AtomicLong LIVE_BYTES = new AtomicLong();
    private static final AtomicLong LIVE_BLOCKS = new AtomicLong();

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        OffHeap.UNSAFE.freeMemory(OffHeap.UNSAFE.allocateMemory(1));
        Steps.pause("before", 0, 0);
        long[][] addresses = new long[threads][SLOTS];
        int[][] sizes = new int[threads][SLOTS];
        // In the second pass each thread goes on with its neighbour's blocks.
        pass(threads, rounds, 0, addresses, sizes);
        pass(threads, rounds, 1, addresses, sizes);
        Steps.pause("stormed", LIVE_BLOCKS.get(), LIVE_BYTES.get());
        for (int owner = 0; owner < threads; owner++) {
            for (int slot = 0; slot < SLOTS; slot++) {
                release(addresses[owner], sizes[owner], slot);
            }
        }
        Steps.pause("after", LIVE_BLOCKS.get(), LIVE_BYTES.get());
        Steps.say("done");
    }

    private static void pass(int threads, int rounds, int shift, long[][] addresses, int[][] sizes) throws Exception {
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int own = (i + shift) % threads;
            long seed = 31L * i + shift;
            workers[i] = new Thread(() -> churn(rounds, seed, addresses[own], sizes[own]), "storm-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
    }

    private static void churn(int rounds, long seed, long[] addresses, int[] sizes) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < rounds; i++) {
            int slot = random.nextInt(SLOTS);
            if (addresses[slot] != 0) {
                release(addresses, sizes, slot);
            } else {
                take(addresses, sizes, slot, 8 * (1 + random.nextInt(random.nextInt(100) == 0 ? 25_000 : 60)));
            }
        }
    }

    private static void take(long[] addresses, int[] sizes, int slot, int bytes) {
        addresses[slot] = OffHeap.UNSAFE.allocateMemory(bytes);
        sizes[slot] = bytes;
        LIVE_BYTES.addAndGet(bytes);
        LIVE_BLOCKS.incrementAndGet();
    }

    private static void release(long[] addresses, int[] sizes, int slot) {
        if (addresses[slot] != 0) {
            OffHeap.UNSAFE.freeMemory(addresses[slot]);
            addresses[slot] = 0;
            LIVE_BYTES.addAndGet(-sizes[slot]);
            LIVE_BLOCKS.decrementAndGet();
        }
    }
}
