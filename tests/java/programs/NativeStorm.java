import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Native memory taken and given back by many short-lived threads, while processes are started and the collector runs. */
public final class NativeStorm {
    /** Arguments: threads at once, rounds, deflaters a thread, processes a round. */
    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        int each = Integer.parseInt(arguments[2]);
        int processes = Integer.parseInt(arguments[3]);
        for (int round = 0; round < rounds; round++) {
            Thread[] all = new Thread[threads];
            for (int i = 0; i < threads; i++) {
                all[i] = new Thread(() -> compress(each));
                all[i].start();
            }
            for (int i = 0; i < processes; i++) {
                if (new ProcessBuilder("true").start().waitFor() != 0) {
                    throw new AssertionError("a child was harmed");
                }
            }
            System.gc();
            for (Thread thread : all) {
                thread.join();
            }
        }
        Steps.pause("stormed");
        Steps.say("done");
    }

    private static void compress(int times) {
        byte[] text = new byte[5000];
        byte[] packed = new byte[6000];
        for (int i = 0; i < times; i++) {
            Deflater deflater = new Deflater();
            deflater.setInput(text);
            deflater.finish();
            int length = deflater.deflate(packed);
            deflater.end();
            Inflater inflater = new Inflater();
            inflater.setInput(packed, 0, length);
            try {
                if (inflater.inflate(new byte[5000]) != text.length) {
                    throw new AssertionError("not what was packed");
                }
            } catch (java.util.zip.DataFormatException notOurs) {
                throw new AssertionError(notOurs);
            }
            inflater.end();
        }
    }
}
