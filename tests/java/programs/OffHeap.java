import java.lang.reflect.Field;
import sun.misc.Unsafe;

/** The door to {@code sun.misc.Unsafe}. */
final class OffHeap {
    static final Unsafe UNSAFE = open();

    private OffHeap() {}

    private static Unsafe open() {
        try {
            Field field = Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException refused) {
            throw new AssertionError(refused);
        }
    }
}
