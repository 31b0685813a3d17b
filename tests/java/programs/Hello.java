/** Does nothing but print its arguments, on both streams, and end with status 7. */
public final class Hello {
    public static void main(String[] arguments) {
        System.out.println("hello " + String.join(" ", arguments));
        System.err.println("on stderr");
        System.exit(7);
    }
}
