import java.util.ArrayList;
import java.util.List;

/** Fills the Java heap, lets go of it, and lives on. */
public final class HeapOom {
    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        try {
            fill();
        } catch (OutOfMemoryError error) {
            Steps.pause("refused", error.getMessage());
        }
        Steps.say("done");
    }

    private static void fill() {
        List<byte[]> hoard = new ArrayList<>();
        while (true) {
            hoard.add(new byte[1 << 20]);
        }
    }
}
