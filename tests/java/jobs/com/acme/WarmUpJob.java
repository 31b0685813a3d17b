package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A healthy job that warms up: at first it makes classes and fills its caches, then it just works. Arguments: classes, bytes of its
 * caches, seconds of warming up, seconds in all.
 */
public final class WarmUpJob {
    private static final int PER_SECOND = 20;

    public static void main(String[] arguments) throws Exception {
        int steps = PER_SECOND * Integer.parseInt(arguments[2]);
        int classes = Integer.parseInt(arguments[0]) / steps;
        int bytes = Integer.parseInt(arguments[1]) / steps;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, PER_SECOND * Long.parseLong(arguments[3]))
                .map(new Engine(steps, classes, bytes))
                .sinkTo(new DiscardingSink<>());
        env.execute("warm-up");
    }

    static final class Engine extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int steps;
        private final int classes;
        private final int bytes;
        private transient Throttle throttle;
        private transient List<byte[]> cache;

        Engine(int steps, int classes, int bytes) {
            this.steps = steps;
            this.classes = classes;
            this.bytes = bytes;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(PER_SECOND);
                cache = new ArrayList<>();
            }
            throttle.pass();
            if (cache.size() < steps) {
                Generated.define(classes);
                cache.add(new byte[bytes]);
            }
            return record + Payload.decode();
        }
    }
}
