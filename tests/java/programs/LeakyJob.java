import java.util.concurrent.ExecutorService;

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

    /** Has nothing to do. */
    private static final class Cleanup implements Runnable {
        @Override
        public void run() {}
    }
}
