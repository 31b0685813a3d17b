import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Leaks direct buffers of a known size until the JVM refuses, says when, and ends with the error uncaught. */
public final class DirectOom {
    private static final List<ByteBuffer> HOARD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        int bytes = Integer.parseInt(arguments[0]);
        try {
            while (true) {
                hoard(bytes);
            }
        } catch (OutOfMemoryError error) {
            Steps.say("refused", HOARD.size(), error.getMessage());
            throw error;
        }
    }

    private static void hoard(int bytes) {
        HOARD.add(ByteBuffer.allocateDirect(bytes));
    }
}
