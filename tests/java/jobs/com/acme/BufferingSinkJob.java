package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A healthy job whose writer buffers rows until the next checkpoint, and then writes them all: a saw's teeth. Arguments: bytes
 * buffered a second, milliseconds between checkpoints, seconds in all.
 */
public final class BufferingSinkJob {
    static final int ROW_BYTES = 10_000;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / ROW_BYTES;
        long records = (long) (perSecond * Double.parseDouble(arguments[2]));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(Long.parseLong(arguments[1]));
        env.fromSequence(1, records)
                .map(new Writer(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("buffering sink");
    }

    static final class Writer extends RichMapFunction<Long, Long> implements CheckpointedFunction {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient List<byte[]> rows;

        Writer(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {
            rows = new ArrayList<>();
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            rows.add(new byte[ROW_BYTES]);
            return record;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            rows = new ArrayList<>();
        }
    }
}
