import java.util.ArrayList;
import java.util.List;
import java.util.zip.Inflater;
import sun.misc.Unsafe;

/**
 * Allocates blocks before its test attaches, then frees half of them and grows the others, and says what is live of that which
 * was allocated since: blocks, then bytes asked for.
 */
public final class EarlyBlocks {
    private static final int BLOCKS = 1000;
    private static final int EARLY = 4000;
    private static final int GROWN = 9000;
    private static final int LATE = 500;

    public static void main(String[] arguments) throws Exception {
        Unsafe unsafe = OffHeap.UNSAFE;
        unsafe.freeMemory(unsafe.reallocateMemory(unsafe.allocateMemory(1), 2)); // whatever the first use loads is loaded
        long[] blocks = new long[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = unsafe.allocateMemory(EARLY);
        }
        new Inflater().end(); // its natives are bound before the agent comes
        Steps.pause("early");
        Steps.pause("attached", 0, 0);
        for (int i = 0; i < BLOCKS / 2; i++) {
            unsafe.freeMemory(blocks[i]);
        }
        Steps.pause("freed", 0, 0);
        for (int i = BLOCKS / 2; i < BLOCKS; i++) {
            blocks[i] = unsafe.reallocateMemory(blocks[i], GROWN);
        }
        Steps.pause("grown", BLOCKS / 2, (long) BLOCKS / 2 * GROWN);
        long[] late = new long[LATE];
        for (int i = 0; i < LATE; i++) {
            late[i] = allocateLate(unsafe);
        }
        List<Inflater> kept = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            kept.add(new Inflater());
        }
        kept.remove(0).end();
        Steps.pause("late", BLOCKS / 2 + LATE, (long) BLOCKS / 2 * GROWN + (long) LATE * EARLY);
        for (int i = BLOCKS / 2; i < BLOCKS; i++) {
            unsafe.freeMemory(blocks[i]);
        }
        for (long block : late) {
            unsafe.freeMemory(block);
        }
        Steps.pause("after", 0, 0);
        Steps.say("done", kept.size());
    }

    private static long allocateLate(Unsafe unsafe) {
        return unsafe.allocateMemory(EARLY);
    }
}
