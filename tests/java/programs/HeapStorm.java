/** Asks for more heap than there is, over and over, as a process does that catches its errors and goes on. */
public final class HeapStorm {
    private static volatile byte[] sink;

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        int refused = 0;
        for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
            try {
                sink = new byte[1 << 30];
            } catch (OutOfMemoryError error) {
                refused++;
            }
        }
        Steps.say("done", refused);
    }
}
