package com.acme;

import java.util.Arrays;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Writes large values into keyed state. Arguments: bytes a second; seconds; and how many keys there are, whose values are read before
 * they are written again: without, each is a new one.
 */
public final class RocksDbBulkJob {
    static final int VALUE_BYTES = 16 << 10;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / VALUE_BYTES;
        long records = (long) (perSecond * Double.parseDouble(arguments[1]));
        long keys = arguments.length > 2 ? Long.parseLong(arguments[2]) : Long.MAX_VALUE;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, records)
                .setParallelism(1)
                .map(new RocksDbJob.Pace(perSecond))
                .setParallelism(1)
                .keyBy(record -> record % keys)
                .process(new Store(arguments.length > 2))
                .sinkTo(new DiscardingSink<>());
        env.execute("rocksdb bulk");
    }

    static final class Store extends KeyedProcessFunction<Long, Long, Long> {
        private static final long serialVersionUID = 1L;

        private final boolean reads;
        private transient ValueState<byte[]> document;

        Store(boolean reads) {
            this.reads = reads;
        }

        @Override
        public void processElement(Long record, Context context, Collector<Long> out) throws Exception {
            if (document == null) {
                document = getRuntimeContext().getState(new ValueStateDescriptor<>("document", byte[].class));
            }
            byte[] before = reads ? document.value() : null;
            byte[] bytes = before == null ? new byte[VALUE_BYTES] : before;
            Arrays.fill(bytes, record.byteValue());
            document.update(bytes);
            out.collect(record);
        }
    }
}
