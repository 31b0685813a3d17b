package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/** A healthy job: keyed state of a bounded number of keys, checkpoints. Arguments: records a second, records in all. */
public final class RocksDbJob {
    private static final long KEYS = 20_000;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]);
        long records = Long.parseLong(arguments[1]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(2_000);
        env.fromSequence(1, records)
                .setParallelism(1)
                .map(new Pace(perSecond))
                .setParallelism(1)
                .keyBy(record -> record % KEYS)
                .process(new Count())
                .sinkTo(new DiscardingSink<>());
        env.execute("rocksdb");
    }

    /** At the source, so that checkpoint barriers do not wait behind full buffers. */
    static final class Pace extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;

        Pace(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            return record;
        }
    }

    static final class Count extends KeyedProcessFunction<Long, Long, String> {
        private static final long serialVersionUID = 1L;

        private transient ValueState<String> state;

        @Override
        public void processElement(Long record, Context context, Collector<String> out) throws Exception {
            if (state == null) {
                state = getRuntimeContext().getState(new ValueStateDescriptor<>("history", String.class));
            }
            String before = state.value();
            String history = (before == null ? "" : before) + record + ';';
            state.update(history.length() > 500 ? history.substring(history.length() - 500) : history);
            out.collect(history);
        }
    }
}
