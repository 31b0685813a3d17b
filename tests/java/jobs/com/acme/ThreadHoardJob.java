package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job with threads. Arguments: "record" for one a record that never ends, "attempt" for a pool of them in each attempt of the
 * job, neither of which end, or "pool" for one that the job ends; how many a second or in a pool; and, in seconds, how long an attempt lasts.
 */
public final class ThreadHoardJob {
    public static void main(String[] arguments) throws Exception {
        String when = arguments[0];
        int threads = Integer.parseInt(arguments[1]);
        long seconds = Long.parseLong(arguments[2]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Uploader(when, threads, seconds))
                .sinkTo(new DiscardingSink<>());
        env.execute("threads by " + when);
    }

    static final class Uploader extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final String when;
        private final int threads;
        private final long seconds;
        private transient Throttle throttle;
        private transient long end;
        private transient List<Thread> pool;

        Uploader(String when, int threads, long seconds) {
            this.when = when;
            this.threads = threads;
            this.seconds = seconds;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(when.equals("record") ? threads : 20);
                end = System.nanoTime() + seconds * 1_000_000_000L;
                if (!when.equals("record")) {
                    openPool();
                }
            }
            throttle.pass();
            if (System.nanoTime() > end) {
                throw new IllegalStateException("this attempt is over, as it should be");
            }
            if (when.equals("record")) {
                startUpload(record);
            }
            return record;
        }

        private void openPool() {
            pool = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                pool.add(startUpload(i));
            }
        }

        private Thread startUpload(long number) {
            Thread thread = new Thread(new LeftBehind.Sleeper(), "acme-uploader-" + number);
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        @Override
        public void close() {
            if (pool != null && when.equals("pool")) {
                pool.forEach(Thread::interrupt);
            }
        }
    }
}
