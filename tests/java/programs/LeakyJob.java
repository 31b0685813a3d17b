import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.DriverPropertyInfo;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.logging.Logger;

/** A job that leaves something behind. Each run is a class of its own, see {@link LoaderLeaks}. */
public final class LeakyJob {
    private LeakyJob() {}

    public static void run(String mechanism, ExecutorService pool) throws Exception {
        switch (mechanism) {
            case "thread":
                start(new Thread(new Worker(), "job-worker"));
                break;
            case "inherited_context_class_loader":
                start(new Thread(new LoaderLeaks.Sleeper(), "bystander"));
                break;
            case "thread_local":
                Object value = new LeakyJob();
                pool.submit(() -> LoaderLeaks.CACHE.set(value)).get();
                break;
            case "static_in_parent_class":
                LoaderLeaks.REGISTRY.add(new LeakyJob());
                break;
            case "shutdown_hook":
                Runtime.getRuntime().addShutdownHook(new Thread(new Cleanup(), "job-cleanup"));
                break;
            case "driver":
                DriverManager.registerDriver(new Database());
                break;
            case "nothing":
                break;
            default:
                throw new IllegalArgumentException(mechanism);
        }
    }

    private static void start(Thread thread) {
        thread.setDaemon(true);
        thread.start();
    }

    /** Works for ever. */
    private static final class Worker implements Runnable {
        @Override
        public void run() {
            new LoaderLeaks.Sleeper().run();
        }
    }

    /** Connects to nothing. */
    public static final class Database implements Driver {
        @Override
        public Connection connect(String url, Properties properties) {
            return null;
        }

        @Override
        public boolean acceptsURL(String url) {
            return false;
        }

        @Override
        public DriverPropertyInfo[] getPropertyInfo(String url, Properties properties) {
            return new DriverPropertyInfo[0];
        }

        @Override
        public int getMajorVersion() {
            return 1;
        }

        @Override
        public int getMinorVersion() {
            return 0;
        }

        @Override
        public boolean jdbcCompliant() {
            return false;
        }

        @Override
        public Logger getParentLogger() {
            return null;
        }
    }

    /** Has nothing to do. */
    private static final class Cleanup implements Runnable {
        @Override
        public void run() {}
    }
}
