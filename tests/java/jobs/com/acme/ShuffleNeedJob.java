package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** Two exchanges of all with all: buffers by the square of the parallelism. Arguments: records in all, at 100 a second each. */
public final class ShuffleNeedJob {
    public static void main(String[] arguments) throws Exception {
        long records = Long.parseLong(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, records)
                .keyBy(record -> record % 1000)
                .map(new Pass())
                .keyBy(record -> record % 77)
                .map(new Pass())
                .sinkTo(new DiscardingSink<>());
        env.execute("shuffle need");
    }

    static final class Pass extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private transient Throttle throttle;

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(100);
            }
            throttle.pass();
            return record;
        }
    }
}
