import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.zip.Inflater;

/**
 * Repeats one operation that the agent stands before, in some threads at once, and says for each thread what one
 * operation cost it, nanoseconds of CPU time, batch by batch. CPU time, for the machine may be busy with something else.
 */
public final class HotPath {
    /** Operations between two looks at the clock. */
    private static final int CHUNK = 256;

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Something that is repeated. */
    private interface Operation {
        void repeat(int times);
    }

    /** Keeps the heap full. */
    private static final List<byte[]> FILLING = new ArrayList<>();

    /** Arguments: operation, threads, milliseconds of warm-up, batches, milliseconds of a batch; MiB of the heap to fill. */
    public static void main(String[] arguments) throws Exception {
        String operation = arguments[0];
        int threads = Integer.parseInt(arguments[1]);
        long warmUpMillis = Long.parseLong(arguments[2]);
        int batches = Integer.parseInt(arguments[3]);
        long batchMillis = Long.parseLong(arguments[4]);
        if (arguments.length > 5) {
            fill(Integer.parseInt(arguments[5]));
        }
        double[][] costs = new double[threads][batches];
        CountDownLatch warm = new CountDownLatch(threads);
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            double[] mine = costs[i];
            Operation work = operation(operation, i);
            workers[i] = new Thread(() -> measure(work, warm, warmUpMillis, batchMillis, mine), "hot-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        for (double[] thread : costs) {
            Object[] values = new Object[batches];
            for (int i = 0; i < batches; i++) {
                values[i] = thread[i];
            }
            Steps.say("costs", values);
        }
        Steps.say("done");
    }

    private static void fill(int mib) throws Exception {
        for (int i = 0; i < mib * 16; i++) {
            FILLING.add(new byte[(64 << 10) - 16]);
        }
        System.gc(); // what is live is known from now on
        Steps.pause("filled");
    }

    private static void measure(
            Operation work, CountDownLatch warm, long warmUpMillis, long batchMillis, double[] costs) {
        batch(work, warmUpMillis);
        warm.countDown();
        try {
            warm.await();
        } catch (InterruptedException nobodyDoesThat) {
            throw new AssertionError(nobodyDoesThat);
        }
        for (int i = 0; i < costs.length; i++) {
            costs[i] = batch(work, batchMillis);
        }
    }

    /** Runs for some time and returns the cost of one operation. */
    private static double batch(Operation work, long millis) {
        long cpu = THREADS.getCurrentThreadCpuTime();
        long end = System.nanoTime() + millis * 1_000_000;
        long done = 0;
        do {
            work.repeat(CHUNK);
            done += CHUNK;
        } while (System.nanoTime() < end);
        return (double) (THREADS.getCurrentThreadCpuTime() - cpu) / done;
    }

    private static Operation operation(String name, int thread) {
        switch (name) {
            case "pair":
                return HotPath::pair;
            case "direct":
                return HotPath::direct;
            case "mix":
                return new Mix(thread);
            case "throwable":
                return times -> deep(16, times);
            case "inflater":
                return HotPath::inflater;
            case "allocate":
                return new Allocate(thread);
            case "thread":
                return HotPath::thread;
            default:
                throw new IllegalArgumentException(name);
        }
    }

    private static void pair(int times) {
        for (int i = 0; i < times; i++) {
            OffHeap.UNSAFE.freeMemory(OffHeap.UNSAFE.allocateMemory(64));
        }
    }

    private static void direct(int times) {
        for (int i = 0; i < times; i++) {
            OffHeap.UNSAFE.invokeCleaner(ByteBuffer.allocateDirect(32 << 10));
        }
    }

    private static void inflater(int times) {
        for (int i = 0; i < times; i++) {
            new Inflater().end();
        }
    }

    /** The cost to the thread that starts them; theirs is not in it. */
    private static void thread(int times) {
        for (int i = 0; i < times; i++) {
            Thread thread = new Thread(() -> {});
            thread.start();
            try {
                thread.join();
            } catch (InterruptedException nobodyDoesThat) {
                throw new AssertionError(nobodyDoesThat);
            }
        }
    }

    /** Java arrays of 64 to 1,024 bytes, some of which live for a while. */
    private static final class Allocate implements Operation {
        private static final int SIZES = 1024;
        private static final int LIVE = 4096;

        private final int[] sizes;
        private final byte[][] live = new byte[LIVE][];
        private int next;

        Allocate(int seed) {
            sizes = new SplittableRandom(seed).ints(SIZES, 64, 1025).toArray();
        }

        @Override
        public void repeat(int times) {
            for (int i = 0; i < times; i++) {
                live[next % LIVE] = new byte[sizes[next % SIZES]];
                next = (next + 1) & 0xFFFF;
            }
        }
    }

    /** Direct buffers of 64 bytes to 1 MiB, every doubling as likely as another, some of which live for a while. */
    private static final class Mix implements Operation {
        private static final int SIZES = 1024;
        private static final int LIVE = 32;

        private final int[] sizes = new int[SIZES];
        private final ByteBuffer[] live = new ByteBuffer[LIVE];
        private int next;

        Mix(int seed) {
            SplittableRandom random = new SplittableRandom(seed);
            for (int i = 0; i < SIZES; i++) {
                sizes[i] = (int) (64 * Math.pow(2, random.nextDouble() * 14));
            }
        }

        @Override
        public void repeat(int times) {
            for (int i = 0; i < times; i++) {
                int slot = next % LIVE;
                if (live[slot] != null) {
                    OffHeap.UNSAFE.invokeCleaner(live[slot]);
                }
                live[slot] = ByteBuffer.allocateDirect(sizes[next % SIZES]);
                next = (next + 1) & 0xFFFF;
            }
        }
    }

    /** Makes throwables under some more frames, as real code does. */
    private static void deep(int frames, int times) {
        if (frames > 0) {
            deep(frames - 1, times);
            return;
        }
        for (int i = 0; i < times; i++) {
            if (new Exception().getCause() != null) {
                throw new AssertionError();
            }
        }
    }
}
