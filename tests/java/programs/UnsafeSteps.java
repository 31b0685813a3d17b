/** Allocates, grows and frees known sizes, and says after each step what is live: blocks, then bytes asked for. */
public final class UnsafeSteps {
    private static final int BLOCKS = 1000;
    private static final int SMALL = 1000;
    private static final int GROWN = 3000;
    private static final int LARGE = 8 << 20;

    public static void main(String[] arguments) throws Exception {
        OffHeap.UNSAFE.freeMemory(OffHeap.UNSAFE.allocateMemory(1)); // whatever the first use loads is loaded
        Steps.pause("before", 0, 0);
        long[] blocks = allocate();
        Steps.pause("allocated", BLOCKS, (long) BLOCKS * SMALL);
        grow(blocks);
        Steps.pause("grown", BLOCKS, (long) BLOCKS * GROWN);
        long large = allocateLarge();
        Steps.pause("large", BLOCKS + 1, (long) BLOCKS * GROWN + LARGE);
        for (long block : blocks) {
            OffHeap.UNSAFE.freeMemory(block);
        }
        Steps.pause("freed", 1, LARGE);
        OffHeap.UNSAFE.freeMemory(large);
        Steps.pause("after", 0, 0);
        Steps.say("done");
    }

    private static long[] allocate() {
        long[] blocks = new long[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = OffHeap.UNSAFE.allocateMemory(SMALL);
        }
        return blocks;
    }

    private static void grow(long[] blocks) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = OffHeap.UNSAFE.reallocateMemory(blocks[i], GROWN);
        }
    }

    private static long allocateLarge() {
        return OffHeap.UNSAFE.allocateMemory(LARGE);
    }
}
