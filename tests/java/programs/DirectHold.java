import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Holds a number of direct buffers of 1 MiB each, says how many bytes that is, and lives until its test has seen enough. */
public final class DirectHold {
    private static final int MIB = 1 << 20;

    /** What is taken stays taken. */
    private static final List<ByteBuffer> HELD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        int buffers = Integer.parseInt(arguments[0]);
        hold(buffers);
        Steps.pause("held", (long) buffers * MIB);
        Steps.say("done", HELD.size());
    }

    private static void hold(int buffers) {
        for (int i = 0; i < buffers; i++) {
            HELD.add(ByteBuffer.allocateDirect(MIB));
        }
    }
}
