import java.io.IOException;

/** How a program and its test keep in step: one line out for each thing done, one byte in for permission to go on. */
final class Steps {
    private Steps() {}

    /** Prints {@code name <epoch ms> values…}. */
    static void say(String name, Object... values) {
        StringBuilder line = new StringBuilder(name).append(' ').append(System.currentTimeMillis());
        for (Object value : values) {
            line.append(' ').append(value);
        }
        System.out.println(line);
        System.out.flush();
    }

    /** Says the line and waits until the test has seen what it wanted to see. */
    static void pause(String name, Object... values) throws IOException {
        say(name, values);
        if (System.in.read() < 0) {
            System.exit(99); // the test is gone
        }
    }
}
