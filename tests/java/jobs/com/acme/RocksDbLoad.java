package com.acme;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/** Reads and writes keyed state, with checkpoints, as fast as it goes. Argument: records. */
public final class RocksDbLoad {
    private static final long KEYS = 100_000;

    public static void main(String[] arguments) throws Exception {
        long records = Long.parseLong(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(5_000);
        env.fromSequence(1, records)
                .keyBy(record -> record % KEYS)
                .process(new Sum())
                .sinkTo(new DiscardingSink<>());
        env.execute("rocksdb load");
    }

    static final class Sum extends KeyedProcessFunction<Long, Long, Long> {
        private static final long serialVersionUID = 1L;

        private transient ValueState<Long> state;

        @Override
        public void processElement(Long record, Context context, Collector<Long> out) throws Exception {
            if (state == null) {
                state = getRuntimeContext().getState(new ValueStateDescriptor<>("sum", Long.class));
            }
            Long before = state.value();
            state.update(before == null ? record : before + record);
            out.collect(record);
        }
    }
}
