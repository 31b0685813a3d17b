package com.acme;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.zip.Deflater;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * A storm that leaks nothing: direct buffers, compressors, threads, garbage and keyed state, at each record; and a failure
 * after some time, so that the job restarts over and over. Argument: seconds of each life.
 */
public final class StormJob {
    public static void main(String[] arguments) throws Exception {
        long lifeSeconds = Long.parseLong(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(3_000);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .keyBy(record -> record % 5_000)
                .process(new Storm(lifeSeconds))
                .sinkTo(new DiscardingSink<>());
        env.execute("storm");
    }

    static final class Storm extends KeyedProcessFunction<Long, Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final int LIVE = 64;

        private final long lifeSeconds;
        private transient long end;
        private transient Random random;
        private transient ArrayDeque<ByteBuffer> buffers;
        private transient ValueState<byte[]> state;

        Storm(long lifeSeconds) {
            this.lifeSeconds = lifeSeconds;
        }

        @Override
        public void processElement(Long record, Context context, Collector<Long> out) throws Exception {
            if (random == null) {
                random = new Random(record);
                buffers = new ArrayDeque<>();
                end = System.nanoTime() + lifeSeconds * 1_000_000_000L;
                state = getRuntimeContext().getState(new ValueStateDescriptor<>("payload", byte[].class));
            }
            if (System.nanoTime() > end) {
                throw new IllegalStateException("this life is over, as it should be");
            }
            buffers.add(ByteBuffer.allocateDirect(256 + random.nextInt(64 << 10)));
            if (buffers.size() > LIVE) {
                buffers.remove();
            }
            state.update(new byte[random.nextInt(2_000)]);
            if (record % 50 == 0) {
                compress();
            }
            if (record % 500 == 0) {
                Thread thread = new Thread(() -> {}, "storm-" + record);
                thread.start();
                thread.join();
            }
            out.collect(record);
        }

        private void compress() {
            Deflater deflater = new Deflater();
            deflater.setInput(new byte[4_000]);
            deflater.finish();
            deflater.deflate(new byte[1_000]);
            deflater.end();
        }
    }
}
