import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Keeps three quarters of its off-heap memory at one method, a quarter at another, and a lot of blocks at a third that frees. */
public final class Shares {
    private static final List<Object> HOARD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        for (int i = 0; i < 96; i++) {
            most();
            for (int j = 0; j < 64; j++) {
                little();
            }
            passing();
        }
        Steps.pause("shared", 96L << 20, 32L << 20);
        Steps.say("done");
    }

    /** 96 times 1 MiB. */
    private static void most() {
        HOARD.add(ByteBuffer.allocateDirect(1 << 20));
    }

    /** 6,144 times 5,461 or so bytes: a third of the above. */
    private static void little() {
        HOARD.add(OffHeap.UNSAFE.allocateMemory((32 << 20) / (96 * 64)));
    }

    private static void passing() {
        for (int i = 0; i < 8; i++) {
            OffHeap.UNSAFE.freeMemory(OffHeap.UNSAFE.allocateMemory(1 << 20));
        }
    }
}
