package com.acme;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job whose user code remembers every session in a static map and forgets none. Argument: bytes leaked per second. */
public final class SessionLeakJob {
    static final int SESSION_BYTES = 4 << 10;

    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]) / SESSION_BYTES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Tracker(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("session leak");
    }

    static final class Session {
        final byte[] attributes = new byte[SESSION_BYTES - 64];
        final long id;

        Session(long id) {
            this.id = id;
        }
    }

    static final class Sessions {
        static final Map<Long, Session> OPEN = new ConcurrentHashMap<>();

        private Sessions() {}

        static Session of(long id) {
            return OPEN.computeIfAbsent(id, Session::new);
        }
    }

    static final class Tracker extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;

        Tracker(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            if (record % 10 == 0) {
                Payload.decode();
            }
            return Sessions.of(record).id;
        }
    }
}
