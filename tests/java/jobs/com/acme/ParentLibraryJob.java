package com.acme;

import com.acme.lib.FrameCache;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that uses a library which lies in the TaskManager's own class path. What that keeps outlives the job. Argument: bytes
 * kept per second.
 */
public final class ParentLibraryJob {
    static final int FRAME_BYTES = 64 << 10;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / FRAME_BYTES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Framer(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("parent library");
    }

    static final class Framer extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;

        Framer(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            Payload.decode();
            return FrameCache.frame(record, FRAME_BYTES).getLong(0);
        }
    }
}
