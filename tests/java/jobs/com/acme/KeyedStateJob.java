package com.acme;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Keyed state on the heap, with checkpoints every second. Arguments: bytes of state written per second, number of keys (0: a
 * new one for every record, so that state grows without bound), records (0: without end).
 */
public final class KeyedStateJob {
    static final int VALUE_BYTES = 2_000;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / VALUE_BYTES;
        long keys = Long.parseLong(arguments[1]);
        long records = Long.parseLong(arguments[2]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(1_000);
        env.fromSequence(0, records == 0 ? Long.MAX_VALUE - 1 : records)
                .keyBy(record -> keys == 0 ? record : record % keys)
                .process(new Remember(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("keyed state");
    }

    static final class Remember extends KeyedProcessFunction<Long, Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient ValueState<byte[]> last;

        Remember(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public void processElement(Long record, Context context, Collector<Long> out) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                last = getRuntimeContext().getState(new ValueStateDescriptor<>("last", byte[].class));
            }
            throttle.pass();
            if (record % 20 == 0) {
                Payload.decode();
            }
            last.update(new byte[VALUE_BYTES]);
            out.collect(record);
        }
    }
}
