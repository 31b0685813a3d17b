package com.acme;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job whose decoder opens an arena of the foreign memory API for each record and does not close it. For Java 21 and later; by reflection, for
 * jobs are compiled for 11. Argument: bytes leaked per second.
 */
public final class ArenaLeakJob {
    static final long SEGMENT_BYTES = 128 << 10;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / SEGMENT_BYTES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Decoder(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("arena leak");
    }

    static final class Decoder extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient List<Object> segments;
        private transient Method openArena;
        private transient Method allocate;

        Decoder(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                segments = new ArrayList<>();
                openArena = Class.forName("java.lang.foreign.Arena").getMethod("ofShared");
                allocate = Class.forName("java.lang.foreign.SegmentAllocator").getMethod("allocate", long.class);
            }
            throttle.pass();
            Payload.decode();
            decode();
            return record;
        }

        private void decode() throws Exception {
            Object arena = openArena.invoke(null);
            segments.add(allocate.invoke(arena, SEGMENT_BYTES));
        }
    }
}
