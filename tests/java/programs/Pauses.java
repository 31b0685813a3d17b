import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Holds many small objects and a direct buffer, and collects as often as it is told to. */
public final class Pauses {
    public static void main(String[] arguments) throws Exception {
        List<Object> live = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            live.add(new int[] {i});
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(8 << 20);
        Steps.pause("ready");
        for (String times : arguments) {
            for (int i = 0; i < Integer.parseInt(times); i++) {
                System.gc();
            }
            Steps.pause("collected", times);
        }
        Steps.say("done", live.size(), buffer.capacity());
    }
}
