import java.util.ArrayList;
import java.util.List;

/**
 * Objects of a native library of one's own, {@code tests/java/native/codec.rs}, made and disposed of in every way that a
 * native method may do it. The library answers with what it was given, so that a lost argument is noticed.
 */
public final class Codec {
    /** Handles that are numbers from one on, arguments in registers only. */
    static final class Plain {
        static native long create0(int level, boolean fast);

        static native int freeHandle(long handle);
    }

    /** More arguments than there are registers, of all kinds. Returns their sum. */
    static final class Wide {
        static native long newWide(
                double a, long b, int c, float d, long e, byte f, long g, short h, double i, long j, boolean k, char l);

        static native void dispose(long handle, double factor);
    }

    /** Several at once; none when there are to be none. */
    static final class Each {
        static native long[] openAll(int count);

        static native void close(long handle);
    }

    /** The handle never passes: the object is {@code this}. Fails when told so. */
    static final class Anonymous {
        native void init(boolean fails);

        native void end();
    }

    /** Handles that are {@code int}s. */
    static final class Small {
        static native int allocate();

        static native void release(int handle);
    }

    /** Too many arguments to be stood before. */
    static final class TooMany {
        static native long create(
                long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l, long m);

        static native void delete(long handle);
    }

    private static final List<Object> KEPT = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        plain();
        wide();
        each();
        anonymous();
        small();
        tooMany();
        Steps.pause("done", KEPT.size());
    }

    private static void plain() {
        for (int i = 0; i < 100; i++) {
            long handle = Plain.create0(i, true);
            if (i < 30) {
                expect(handle, Plain.freeHandle(handle));
            } else {
                KEPT.add(handle);
            }
        }
    }

    private static void wide() {
        for (int i = 0; i < 20; i++) {
            long sum = Wide.newWide(1.5, 1L << 40, -7, 2.5f, 3, (byte) -4, 5, (short) 6, 1024.0, i, true, 'A');
            expect((long) (1.5 + 2.5 + 1024.0) + (1L << 40) - 7 + 3 - 4 + 5 + 6 + i + 1 + 'A', sum);
            if (i % 2 == 0) {
                Wide.dispose(sum, 0.5);
            }
        }
    }

    private static void each() {
        Each.openAll(0);
        expect(0, Each.openAll(-1) == null ? 0 : 1);
        long[] handles = Each.openAll(70);
        for (int i = 0; i < 50; i++) {
            Each.close(handles[i]);
        }
    }

    private static void anonymous() {
        for (int i = 0; i < 12; i++) {
            Anonymous object = new Anonymous();
            KEPT.add(object);
            try {
                object.init(i % 4 == 0);
            } catch (IllegalStateException expected) {
                continue;
            }
            if (i % 4 == 1) {
                object.end();
            }
        }
    }

    private static void small() {
        for (int i = 0; i < 9; i++) {
            int handle = Small.allocate();
            if (i < 4) {
                Small.release(handle);
            }
        }
        Small.release(0);
    }

    private static void tooMany() {
        expect(91, TooMany.create(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));
        TooMany.delete(91);
    }

    private static void expect(long expected, long found) {
        if (expected != found) {
            throw new AssertionError(found + " instead of " + expected);
        }
    }
}
