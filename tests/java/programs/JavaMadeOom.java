/** Makes an OutOfMemoryError in Java code, as Netty does, and one of a subclass. */
public final class JavaMadeOom {
    /** Named like the error of Netty's pool. */
    static final class OutOfDirectMemoryError extends OutOfMemoryError {
        private static final long serialVersionUID = 1L;

        OutOfDirectMemoryError(String message) {
            super(message);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        try {
            plain();
        } catch (OutOfMemoryError error) {
            Steps.say("caught", error.getMessage());
        }
        try {
            subclass();
        } catch (OutOfMemoryError error) {
            Steps.say("caught", error.getMessage());
        }
        Steps.pause("both");
        Steps.say("done");
    }

    private static void plain() {
        throw new OutOfMemoryError("made by hand");
    }

    private static void subclass() {
        throw new OutOfDirectMemoryError("failed to allocate 16777216 byte(s) of direct memory (used: 1, max: 2)");
    }
}
