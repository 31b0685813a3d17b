import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.SoftReference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;

/** Holds known numbers of objects of known classes, lets a map leak, and meets the limit of the heap at last. */
public final class HeapShape {
    /** Never in a collection. */
    static final class Known {
        final long value;

        Known(long value) {
            this.value = value;
        }
    }

    /** Leaks through {@link Cache}. */
    static final class Leaked {
        final int key;

        Leaked(int key) {
            this.key = key;
        }
    }

    /** In the list of one of the mailboxes, whose office a thread's local variable holds. */
    static final class Queued {}

    static final class Cache {
        static final Map<String, Map<Integer, Leaked>> ENTRIES = new HashMap<>();
    }

    static final class Mailbox {
        final List<Queued> letters = new LinkedList<>();
    }

    static final class Office {
        final Mailbox[] boxes = new Mailbox[64];

        Office() {
            for (int i = 0; i < boxes.length; i++) {
                boxes[i] = new Mailbox();
            }
        }

        void post(int letters) {
            for (int i = 0; i < letters; i++) {
                boxes[37].letters.add(new Queued());
            }
        }
    }

    /** Lead to the mailbox in fewer steps than what keeps it. */
    private static Reference<?>[] notKeeping;

    private static Known[] known;
    private static long[] largest;
    /** What is needed to say that there is no more: regions of G1, some of which a thread takes for a few bytes … */
    private static byte[][] reserve = new byte[3][(1 << 20) - 64];
    /** … and in a large heap one piece, for ZGC gives whole pages back. */
    private static byte[] piece;
    private static List<long[]> retained = new ArrayList<>();
    private static volatile long[] gone;
    private static List<byte[]> filling = new ArrayList<>();

    /** Arguments: objects known, leaked at first, queued; elements of the largest array; MiB of filling; leaked later;
     * MiB more of filling; arrays of 136 bytes retained, and as many not. */
    public static void main(String[] arguments) throws Exception {
        int[] numbers = new int[arguments.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Integer.parseInt(arguments[i]);
        }
        Steps.pause("ready");
        Office office = new Office();
        refer(office.boxes[37]);
        hold(numbers[0], numbers[3], numbers[4]);
        leak(numbers[1]);
        office.post(numbers[2]);
        System.gc();
        Steps.pause("held");
        leak(numbers[5]);
        System.gc();
        Steps.pause("leaked");
        crowd(numbers[6]);
        Steps.pause("crowded");
        retain(numbers[7]);
        System.gc();
        Steps.pause("retained");
        long most = Runtime.getRuntime().maxMemory();
        if (most > 1 << 29) {
            piece = new byte[(int) (most / 16)];
        }
        try {
            fill();
        } catch (OutOfMemoryError error) {
            reserve = null;
            piece = null;
            System.gc();
            Steps.pause("refused", office.boxes[37].letters.size());
        }
        Steps.say("done");
    }

    private static void refer(Mailbox mailbox) {
        notKeeping = new Reference<?>[] {
            new WeakReference<>(mailbox),
            new SoftReference<>(mailbox),
            new PhantomReference<>(mailbox, new ReferenceQueue<>()),
        };
    }

    private static void hold(int objects, int elements, int mebibytes) {
        known = new Known[objects];
        for (int i = 0; i < objects; i++) {
            known[i] = new Known(i);
        }
        largest = new long[elements];
        for (int i = 0; i < mebibytes; i++) {
            filling.add(new byte[(1 << 20) - 64]); // fits one region of G1, a larger one takes two
        }
    }

    private static void leak(int objects) {
        Map<Integer, Leaked> entries = Cache.ENTRIES.computeIfAbsent("leak", key -> new HashMap<>());
        for (int i = 0; i < objects; i++) {
            int key = entries.size();
            entries.put(key, new Leaked(key));
        }
    }

    private static void crowd(int mebibytes) {
        for (int i = 0; i < mebibytes; i++) {
            filling.add(new byte[(1 << 20) - 64]);
        }
        System.gc();
    }

    private static void retain(int objects) {
        for (int i = 0; i < objects; i++) {
            retained.add(new long[15]);
            gone = new long[15];
        }
    }

    private static void fill() {
        while (true) {
            filling.add(new byte[1 << 18]);
        }
    }
}
