/** Asks for an array that no heap can hold. */
public final class HugeArray {
    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        try {
            Object array = new long[Integer.MAX_VALUE];
            Steps.say("allocated", array);
        } catch (OutOfMemoryError error) {
            Steps.pause("refused", error.getMessage());
        }
        Steps.say("done");
    }
}
