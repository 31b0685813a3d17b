import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** Defines one class again and again, each time in a class loader of its own that is kept. */
public final class MetaspaceOom {
    private static final List<Class<?>> HOARD = new ArrayList<>();

    /** The class that is defined over and over. */
    public static final class Template {
        public int a;
        public int b;

        public int sum() {
            return a + b;
        }
    }

    private static final class Loader extends ClassLoader {
        Class<?> define(byte[] code) {
            return defineClass(null, code, 0, code.length);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        byte[] code;
        try (InputStream in = MetaspaceOom.class.getResourceAsStream("MetaspaceOom$Template.class")) {
            code = in.readAllBytes();
        }
        String message = null;
        try {
            while (true) {
                HOARD.add(new Loader().define(code));
            }
        } catch (OutOfMemoryError error) {
            message = error.getMessage();
        }
        HOARD.clear();
        System.gc();
        Steps.pause("refused", message);
        Steps.say("done");
    }
}
