import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.zip.Deflater;

/** Holds a stated number of everything that the agent's signals look at, and waits. */
public final class LargeProcess {
    private static final int MIB = 1 << 20;

    /** Objects that one array refers to. */
    private static final int CHUNK = 1000;

    /** Loaders that are closed and still referred to, as those of ended jobs are. */
    private static final int CLOSED = 2;

    /** What is held. */
    private static final List<Object> HELD = new ArrayList<>();

    /** An object as small as they are in the state of a job. */
    private static final class Entry {
        Entry next;
        byte[] value;
    }

    /** The class that is defined over and over, each time with another number in its name. */
    public static final class Template00000 {
        public int a;
        public int b;

        public int sum() {
            return a + b;
        }
    }

    private static final class Loader extends URLClassLoader {
        Loader() {
            super(new URL[0], LargeProcess.class.getClassLoader());
        }

        Class<?> define(byte[] code) {
            return defineClass(null, code, 0, code.length);
        }
    }

    /** Arguments: objects, classes, loaders, threads, MiB of direct memory, sites of these, deflaters. */
    public static void main(String[] arguments) throws Exception {
        int[] numbers = new int[arguments.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Integer.parseInt(arguments[i]);
        }
        objects(numbers[0]);
        classes(numbers[1], numbers[2]);
        threads(numbers[3]);
        direct(numbers[4], numbers[5]);
        for (int i = 0; i < numbers[6]; i++) {
            HELD.add(new Deflater());
        }
        System.gc(); // what is live is known from now on
        Steps.pause("ready");
        System.exit(0); // the threads sleep
    }

    /** Half of them entries, half of them small arrays. */
    private static void objects(int count) {
        for (int made = 0; made < count; made += CHUNK) {
            Entry[] entries = new Entry[CHUNK / 2];
            for (int i = 0; i < entries.length; i++) {
                entries[i] = new Entry();
                entries[i].next = i > 0 ? entries[i - 1] : null;
                entries[i].value = new byte[16];
            }
            HELD.add(entries);
        }
    }

    private static void classes(int count, int loaders) throws Exception {
        byte[] bytes;
        try (InputStream in = LargeProcess.class.getResourceAsStream("LargeProcess$Template00000.class")) {
            bytes = in.readAllBytes();
        }
        // Every byte is a character, and a name of the same length leaves the rest of the file as it is.
        String code = new String(bytes, StandardCharsets.ISO_8859_1);
        for (int i = 0; i < loaders; i++) {
            Loader loader = new Loader();
            for (int k = i; k < count; k += loaders) {
                String named = code.replace("Template00000", String.format("Template%05d", k));
                HELD.add(loader.define(named.getBytes(StandardCharsets.ISO_8859_1)));
            }
            if (i < CLOSED) {
                loader.close();
            }
        }
    }

    private static void threads(int count) throws Exception {
        CountDownLatch started = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            Runnable sleep =
                    () -> {
                        started.countDown();
                        try {
                            Thread.sleep(Long.MAX_VALUE);
                        } catch (InterruptedException end) {
                            Thread.currentThread().interrupt();
                        }
                    };
            Thread thread = new Thread(sleep, "pool-" + i % 30 + "-worker-" + i / 30);
            thread.setDaemon(true);
            thread.start();
        }
        started.await();
    }

    private static void direct(int mib, int sites) {
        for (int i = 0; i < mib; i++) {
            HELD.add(allocate(i % sites));
        }
    }

    /** Each depth is a call stack of its own. */
    private static ByteBuffer allocate(int depth) {
        return depth > 0 ? allocate(depth - 1) : ByteBuffer.allocateDirect(MIB);
    }
}
