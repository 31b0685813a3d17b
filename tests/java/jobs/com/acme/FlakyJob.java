package com.acme;

import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that fails over and over and leaves nothing behind: what it takes of the heap, of direct memory and of threads it gives back
 * each time. Argument: seconds of each life.
 */
public final class FlakyJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Client(Double.parseDouble(arguments[0])))
                .sinkTo(new DiscardingSink<>());
        env.execute("flaky");
    }

    static final class Client extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final int PER_SECOND = 50;
        private static final int THREADS = 8;
        private static final int BUFFER_BYTES = 4 << 20;

        private final double seconds;
        private transient Throttle throttle;
        private transient ExecutorService pool;
        private transient ByteBuffer buffer;
        private transient long seen;

        Client(double seconds) {
            this.seconds = seconds;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(PER_SECOND);
                pool = Executors.newFixedThreadPool(THREADS);
                buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
            }
            throttle.pass();
            if (++seen > PER_SECOND * seconds) {
                throw new IllegalStateException("the other end hung up, as it does");
            }
            Payload.decode();
            buffer.putLong(0, record);
            return pool.submit(() -> buffer.getLong(0)).get();
        }

        @Override
        public void close() {
            if (pool != null) {
                pool.shutdownNow();
            }
        }
    }
}
