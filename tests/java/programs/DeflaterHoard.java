import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;

/** Keeps deflaters, each of which holds a good 256 KiB that no Java heap knows, then ends them. */
public final class DeflaterHoard {
    private static final List<Deflater> HOARD = new ArrayList<>();

    /** Argument: how many. */
    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(arguments[0]);
        for (int i = 0; i < count; i++) {
            hoard();
        }
        Steps.pause("hoarded", count);
        HOARD.forEach(Deflater::end);
        Steps.pause("ended");
        Steps.say("done");
    }

    private static void hoard() {
        HOARD.add(new Deflater());
    }
}
