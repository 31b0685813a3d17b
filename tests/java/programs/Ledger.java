import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.zip.Deflater;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * Takes known amounts of every kind of memory, says how much, and then what Native Memory Tracking says (one line a
 * category, if it is on).
 */
public final class Ledger {
    private static final int MIB = 1 << 20;
    private static final int DIRECT = 24 * MIB;
    private static final int TOUCHED = 16 * MIB;
    private static final int UNTOUCHED = 48 * MIB;
    private static final int MAPPED = 8 * MIB;
    private static final int FREED = 24 * MIB;
    private static final int BLOCK = 8000;
    private static final int THREADS = 40;
    private static final int CLASSES = 1500;
    private static final int DEFLATERS = 60;

    /** What is taken stays taken. */
    private static final List<Object> HELD = new ArrayList<>();

    /** The class that is defined over and over. */
    public static final class Template {
        public int a;
        public int b;

        public int sum() {
            return a + b;
        }
    }

    private static final class Loader extends ClassLoader {
        Class<?> define(byte[] code) {
            return defineClass(null, code, 0, code.length);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Steps.pause("before");
        direct();
        unsafe();
        mapped();
        threads();
        classes();
        deflaters();
        freed(); // last, or what comes after it is put there
        Steps.pause("taken", DIRECT, TOUCHED, UNTOUCHED, MAPPED, FREED, THREADS, CLASSES, DEFLATERS);
        Steps.pause("nmt", tracked());
        Steps.say("done");
    }

    private static void direct() {
        for (int i = 0; i < DIRECT / MIB; i++) {
            HELD.add(ByteBuffer.allocateDirect(MIB)); // the JDK writes zeroes
        }
    }

    private static void unsafe() {
        long touched = OffHeap.UNSAFE.allocateMemory(TOUCHED);
        OffHeap.UNSAFE.setMemory(touched, TOUCHED, (byte) 1);
        OffHeap.UNSAFE.allocateMemory(UNTOUCHED);
    }

    private static void mapped() throws Exception {
        Path file = Files.createTempFile(Path.of("."), "mapped", ".data");
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer buffer = channel.map(FileChannel.MapMode.READ_WRITE, 0, MAPPED);
            for (int at = 0; at < MAPPED; at += 4096) {
                buffer.put(at, (byte) 1);
            }
            HELD.add(buffer);
        }
    }

    /** Freed but kept: every hundredth block stays, so that nothing can be given back. */
    private static void freed() {
        long[] blocks = new long[FREED / BLOCK];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = OffHeap.UNSAFE.allocateMemory(BLOCK);
            OffHeap.UNSAFE.setMemory(blocks[i], BLOCK, (byte) 1);
        }
        for (int i = 0; i < blocks.length - 1; i++) {
            if (i % 100 > 0) {
                OffHeap.UNSAFE.freeMemory(blocks[i]);
            }
        }
    }

    private static void threads() throws Exception {
        CountDownLatch deep = new CountDownLatch(THREADS);
        for (int i = 0; i < THREADS; i++) {
            Thread thread = new Thread(() -> recurse(2000, deep), "deep-" + i);
            thread.setDaemon(true);
            thread.start();
        }
        deep.await();
    }

    private static int recurse(int depth, CountDownLatch deep) {
        if (depth > 0) {
            return recurse(depth - 1, deep) + 1;
        }
        deep.countDown();
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
        return 0;
    }

    private static void classes() throws Exception {
        byte[] code;
        try (InputStream in = Ledger.class.getResourceAsStream("Ledger$Template.class")) {
            code = in.readAllBytes();
        }
        for (int i = 0; i < CLASSES; i++) {
            HELD.add(new Loader().define(code));
        }
    }

    /** zlib allocates some 260 KiB for each as soon as it is used. */
    private static void deflaters() {
        byte[] input = new byte[128 << 10];
        byte[] output = new byte[128 << 10];
        for (int i = 0; i < DEFLATERS; i++) {
            Deflater deflater = new Deflater();
            for (int at = 0; at < input.length; at++) {
                input[at] = (byte) (at * 31 + i);
            }
            deflater.setInput(input);
            deflater.deflate(output);
            HELD.add(deflater);
        }
    }

    /** The report of Native Memory Tracking in one word, its lines joined by slashes. */
    private static String tracked() {
        try {
            MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            ObjectName commands = new ObjectName("com.sun.management:type=DiagnosticCommand");
            Object[] arguments = {new String[] {"summary"}};
            String[] signature = {String[].class.getName()};
            Object report = server.invoke(commands, "vmNativeMemory", arguments, signature);
            return report.toString().replace('\n', '/').replace(' ', '_');
        } catch (Exception refused) {
            return "none";
        }
    }
}
