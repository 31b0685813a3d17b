package com.acme;

import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A batch job with a blocking exchange, which Flink reads through buffers of its own. Argument: records. */
public final class BatchShuffleJob {
    public static void main(String[] arguments) throws Exception {
        long records = Long.parseLong(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        env.fromSequence(1, records)
                .map(new Same())
                .rebalance()
                .map(new Same())
                .sinkTo(new DiscardingSink<>());
        env.execute("batch shuffle");
    }

    static final class Same implements MapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        @Override
        public Long map(Long record) {
            return record;
        }
    }
}
