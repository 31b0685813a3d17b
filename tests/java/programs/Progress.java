import java.nio.ByteBuffer;

/** Allocates a little, drops it, and says so, without end: to be killed at any moment. */
public final class Progress {
    private static volatile ByteBuffer last;

    public static void main(String[] arguments) throws Exception {
        for (long i = 0; ; i++) {
            last = ByteBuffer.allocateDirect(4096);
            if (i % 10 == 0) {
                Steps.say("progress", i);
            }
            Thread.sleep(1);
        }
    }
}
