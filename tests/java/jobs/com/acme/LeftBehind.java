package com.acme;

import java.security.Provider;
import java.security.Security;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.DriverPropertyInfo;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;

/** The ways in which jobs leave something behind that keeps their class loader. */
final class LeftBehind {
    private static final ThreadLocal<Object> CACHE = new ThreadLocal<>();

    private LeftBehind() {}

    static void leave(String mechanism) throws Exception {
        switch (mechanism) {
            case "thread":
                start(new Thread(new Sleeper(), "acme-metrics-flusher"));
                break;
            case "threads":
                for (int i = 0; i < 12; i++) {
                    start(new Thread(new Sleeper(), "acme-metrics-flusher-" + i));
                }
                break;
            case "inherited_context":
                inheritedContext();
                break;
            case "thread_local":
                CACHE.set(new Session());
                break;
            case "thread_local_of_pool":
                inThreadOfTheJvm();
                break;
            case "driver":
                DriverManager.registerDriver(new AcmeDriver());
                break;
            case "provider":
                Security.addProvider(new AcmeProvider());
                break;
            case "shutdown_hook":
                Runtime.getRuntime().addShutdownHook(new Thread(new Goodbye(), "acme-goodbye"));
                break;
            case "nothing":
                break;
            default:
                throw new IllegalArgumentException(mechanism);
        }
    }

    /** In the JVM's own thread for delays, which never ends. */
    private static void inThreadOfTheJvm() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS, Runnable::run).execute(() -> {
            CACHE.set(new Session());
            done.countDown();
        });
        done.await();
    }

    private static void start(Thread thread) {
        thread.setDaemon(true);
        thread.start();
    }

    /** A pool of the JDK's that ran one task and then waits: nothing of the job is in it, but its thread was made by the job. */
    private static void inheritedContext() throws Exception {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Executors.defaultThreadFactory());
        pool.submit(() -> {}).get();
    }

    /** Sleeps for ever. */
    static final class Sleeper implements Runnable {
        @Override
        public void run() {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                // The process ends.
            }
        }
    }

    /** Says nothing when the process ends. */
    static final class Goodbye implements Runnable {
        @Override
        public void run() {}
    }

    /** Is kept with a thread. */
    static final class Session {}

    /** A registry of the JDK's that keeps what was registered. */
    static final class AcmeProvider extends Provider {
        private static final long serialVersionUID = 1L;

        AcmeProvider() {
            super("Acme-" + System.nanoTime(), "1.0", "does nothing");
        }
    }

    static final class AcmeDriver implements Driver {
        @Override
        public Connection connect(String url, Properties info) {
            return null;
        }

        @Override
        public boolean acceptsURL(String url) {
            return false;
        }

        @Override
        public DriverPropertyInfo[] getPropertyInfo(String url, Properties info) {
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
}
