/** Prints its arguments, waits for one byte, and ends with status 7. */
public final class Hello {
    public static void main(String[] arguments) throws Exception {
        System.out.println("hello " + String.join(" ", arguments));
        System.err.println("on stderr");
        System.in.read();
        System.exit(7);
    }
}
