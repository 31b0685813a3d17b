import java.io.InputStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Runs a "job" in a class loader of its own for each argument, closes the loader and forgets it. The argument says what the
 * job leaves behind. Then fills metaspace, if told so by the first argument.
 */
public final class LoaderLeaks {
    /** What jobs of the parent's class leave behind here is never forgotten. */
    public static final List<Object> REGISTRY = new ArrayList<>();

    public static final ThreadLocal<Object> CACHE = new ThreadLocal<>();

    private static final List<Class<?>> HOARD = new ArrayList<>();

    /** Loads the classes of the job itself, everything else from its parent. */
    public static final class ChildFirst extends URLClassLoader {
        ChildFirst(URL[] urls, ClassLoader parent) {
            super(urls, parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                if (known != null) {
                    return known;
                }
                return name.startsWith("LeakyJob") ? findClass(name) : super.loadClass(name, resolve);
            }
        }
    }

    /** Sleeps for ever, and is of no job. */
    public static final class Sleeper implements Runnable {
        public Sleeper() {}

        @Override
        public void run() {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                // The JVM ends.
            }
        }
    }

    private static final class Loader extends ClassLoader {
        Class<?> define(byte[] code) {
            return defineClass(null, code, 0, code.length);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Steps.pause("ready");
        ExecutorService pool = Executors.newFixedThreadPool(1, task -> {
            Thread thread = new Thread(task, "pooled");
            thread.setDaemon(true);
            return thread;
        });
        pool.submit(() -> {}).get();
        URL[] urls = {LoaderLeaks.class.getProtectionDomain().getCodeSource().getLocation()};
        for (int i = 1; i < arguments.length; i++) {
            runJob(urls, arguments[i], pool);
        }
        Steps.pause("leaked");
        System.gc();
        System.gc();
        Steps.pause("collected");
        if (arguments[0].equals("exhaust")) {
            Steps.say("refused", exhaust());
        }
        Steps.pause("done");
        System.exit(0);
    }

    private static void runJob(URL[] urls, String mechanism, ExecutorService pool) throws Exception {
        ClassLoader mine = Thread.currentThread().getContextClassLoader();
        try (ChildFirst loader = new ChildFirst(urls, LoaderLeaks.class.getClassLoader())) {
            Thread.currentThread().setContextClassLoader(loader);
            Method run = loader.loadClass("LeakyJob").getMethod("run", String.class, ExecutorService.class);
            run.invoke(null, mechanism, pool);
        } finally {
            Thread.currentThread().setContextClassLoader(mine);
        }
    }

    private static String exhaust() throws Exception {
        byte[] code;
        try (InputStream in = LoaderLeaks.class.getResourceAsStream("MetaspaceOom$Template.class")) {
            code = in.readAllBytes();
        }
        try {
            while (true) {
                HOARD.add(new Loader().define(code));
            }
        } catch (OutOfMemoryError error) {
            HOARD.clear();
            return error.getMessage();
        }
    }
}
