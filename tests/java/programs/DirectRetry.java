import java.nio.ByteBuffer;

/** Drops every direct buffer at once, so that reservations meet the limit and succeed after a collection. */
public final class DirectRetry {
    private static volatile ByteBuffer current;

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        int bytes = Integer.parseInt(arguments[0]);
        int times = Integer.parseInt(arguments[1]);
        for (int i = 0; i < times; i++) {
            replace(bytes);
        }
        Steps.pause("replaced", times);
        Steps.say("done");
    }

    private static void replace(int bytes) {
        current = ByteBuffer.allocateDirect(bytes);
    }
}
