package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A healthy use of the heap: a cache that fills to its bound and stays. Arguments: bytes of the cache, seconds to fill it, seconds in all. */
public final class HeapFillJob {
    private static final int ENTRY_BYTES = 16 << 10;

    public static void main(String[] arguments) throws Exception {
        long entries = Long.parseLong(arguments[0]) / ENTRY_BYTES;
        double perSecond = entries / Double.parseDouble(arguments[1]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, (long) (perSecond * Double.parseDouble(arguments[2])))
                .map(new Cache((int) entries, perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("heap fill");
    }

    static final class Cache extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int entries;
        private final double perSecond;
        private transient Throttle throttle;
        private transient List<byte[]> cache;

        Cache(int entries, double perSecond) {
            this.entries = entries;
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                cache = new ArrayList<>();
            }
            throttle.pass();
            byte[] entry = new byte[ENTRY_BYTES];
            if (cache.size() < entries) {
                cache.add(entry);
            } else {
                cache.set((int) (record % entries), entry);
            }
            return record;
        }
    }
}
