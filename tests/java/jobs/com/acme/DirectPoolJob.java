package com.acme;

import java.nio.ByteBuffer;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job with a client that takes a fixed pool of direct buffers and uses it for its whole life: legitimate, bounded, and
 * more than a TaskManager without task off-heap memory has to give.
 *
 * <p>Arguments: size of the pool in bytes; seconds over which it is filled (0: at once, when the client starts); records
 * in all, at 50 a second.
 */
public final class DirectPoolJob {
    static final int BUFFER_BYTES = 256 << 10;
    static final int RECORDS_PER_SECOND = 50;

    public static void main(String[] arguments) throws Exception {
        int buffers = Integer.parseInt(arguments[0]) / BUFFER_BYTES;
        int fillRecords = Integer.parseInt(arguments[1]) * RECORDS_PER_SECOND;
        long records = Long.parseLong(arguments[2]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, records)
                .map(new Sender(buffers, fillRecords))
                .sinkTo(new DiscardingSink<>());
        env.execute("direct pool");
    }

    static final class Sender extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int buffers;
        private final int fillRecords;
        private transient Throttle throttle;
        private transient PooledClient client;
        private transient long seen;

        Sender(int buffers, int fillRecords) {
            this.buffers = buffers;
            this.fillRecords = fillRecords;
        }

        @Override
        public Long map(Long record) {
            if (client == null) {
                client = new PooledClient(buffers);
                throttle = new Throttle(RECORDS_PER_SECOND);
            }
            throttle.pass();
            Payload.decode();
            seen++;
            boolean atOnce = fillRecords == 0;
            client.fillTo(atOnce ? buffers : (int) Math.min(buffers, seen * buffers / fillRecords));
            return client.send(record);
        }
    }

    /** Takes its buffers once and uses them in turn. */
    static final class PooledClient {
        private final ByteBuffer[] pool;
        private int filled;
        private int turn;

        PooledClient(int buffers) {
            pool = new ByteBuffer[buffers];
        }

        void fillTo(int wanted) {
            while (filled < wanted) {
                pool[filled] = ByteBuffer.allocateDirect(BUFFER_BYTES);
                filled++;
            }
        }

        long send(long record) {
            if (filled == 0) {
                return record;
            }
            ByteBuffer buffer = pool[turn++ % filled];
            buffer.putLong(0, record);
            return buffer.getLong(0);
        }
    }
}
