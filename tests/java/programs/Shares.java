import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Keeps three quarters of its off-heap memory at one method, a quarter at another, and a lot of blocks at a third that frees. */
public final class Shares {
    /** Beside a MiB, a third of it in 64 blocks, rounded as Java rounds. */
    private static final int LITTLE = 5464;

    private static final List<Object> HOARD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        for (int i = 0; i < 96; i++) {
            most();
            for (int j = 0; j < 64; j++) {
                little();
            }
            passing();
        }
        Steps.pause("shared", 96L << 20, 96L * 64 * LITTLE);
        Steps.say("done");
    }

    /** 96 times 1 MiB. */
    private static void most() {
        HOARD.add(ByteBuffer.allocateDirect(1 << 20));
    }

    /** 6,144 times. */
    private static void little() {
        HOARD.add(OffHeap.UNSAFE.allocateMemory(LITTLE));
    }

    private static void passing() {
        for (int i = 0; i < 8; i++) {
            OffHeap.UNSAFE.freeMemory(OffHeap.UNSAFE.allocateMemory(1 << 20));
        }
    }
}
