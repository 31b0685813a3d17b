package com.acme;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A healthy job with a pool of threads that makes one for each task until it has its size, and ends them with the job. Arguments:
 * size of the pool, seconds until it has it, seconds in all.
 */
public final class ThreadPoolJob {
    public static void main(String[] arguments) throws Exception {
        int size = Integer.parseInt(arguments[0]);
        double perSecond = size / Double.parseDouble(arguments[1]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, (long) (perSecond * Double.parseDouble(arguments[2])))
                .map(new Caller(size, perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("thread pool");
    }

    static final class Caller extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int size;
        private final double perSecond;
        private transient Throttle throttle;
        private transient ExecutorService pool;

        Caller(int size, double perSecond) {
            this.size = size;
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                pool = Executors.newFixedThreadPool(size);
            }
            throttle.pass();
            Payload.decode();
            return pool.submit(() -> record).get();
        }

        @Override
        public void close() {
            if (pool != null) {
                pool.shutdownNow();
            }
        }
    }
}
