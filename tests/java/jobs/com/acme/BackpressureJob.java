package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A healthy job whose sink is slower than all before it, so that every network buffer it may have is full. Arguments: records a second
 * of each sink, seconds in all.
 */
public final class BackpressureJob {
    public static void main(String[] arguments) throws Exception {
        double perSecond = Double.parseDouble(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, Long.MAX_VALUE - 1)
                .map(new ShuffleLoad.Fill())
                .rebalance()
                .map(new ShuffleLoad.Touch())
                .keyBy(payload -> payload[1])
                .map(new ShuffleLoad.Touch())
                .rebalance()
                .map(new SlowWriter(perSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("backpressure");
    }

    static final class SlowWriter extends RichMapFunction<byte[], Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient long written;

        SlowWriter(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(byte[] payload) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            if (written % 50 == 0) {
                Payload.decode();
            }
            return ++written;
        }
    }
}
