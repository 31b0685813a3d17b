package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that wants one record in one array, longer than the JVM allows. Argument: {@code array} asks the JVM for it,
 * {@code builder} lets a string builder ask.
 */
public final class HugeRecordJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, Long.MAX_VALUE - 1)
                .map(new Encoder(arguments[0]))
                .sinkTo(new DiscardingSink<>());
        env.execute("huge record");
    }

    static final class Encoder extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final long AT_RECORD = 200;

        private final String how;
        private transient Throttle throttle;

        Encoder(String how) {
            this.how = how;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(50);
            }
            throttle.pass();
            Payload.decode();
            return record < AT_RECORD ? record : encode(record);
        }

        private long encode(long record) {
            if (how.equals("builder")) {
                StringBuilder text = new StringBuilder("record");
                text.ensureCapacity(Integer.MAX_VALUE);
                return text.length() + record;
            }
            return new byte[Integer.MAX_VALUE].length + record;
        }
    }
}
