/** Says the monotonic clock, nanoseconds, in the first line of {@code main}. */
public final class FirstLine {
    public static void main(String[] arguments) {
        System.out.println(System.nanoTime());
    }
}
