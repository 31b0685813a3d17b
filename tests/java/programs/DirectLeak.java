import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Leaks direct buffers one at a time, at a steady pace, with a full collection after every tenth, until the JVM refuses. Says when, and ends with the
 * error uncaught.
 */
public final class DirectLeak {
    private static final List<ByteBuffer> HOARD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        int bytes = Integer.parseInt(arguments[0]);
        int everyMs = Integer.parseInt(arguments[1]);
        Steps.pause("ready");
        try {
            while (true) {
                leak(bytes);
                if (HOARD.size() % 10 == 0) {
                    System.gc();
                }
                Thread.sleep(everyMs);
            }
        } catch (OutOfMemoryError error) {
            Steps.say("refused", HOARD.size(), error.getMessage());
            throw error;
        }
    }

    private static void leak(int bytes) {
        HOARD.add(ByteBuffer.allocateDirect(bytes));
    }
}
