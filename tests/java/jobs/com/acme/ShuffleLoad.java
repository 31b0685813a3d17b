package com.acme;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** Payloads that every task sends to every other, three times over, as fast as it goes. Arguments: records; tasks of each kind, unless the default. */
public final class ShuffleLoad {
    private static final int PAYLOAD_BYTES = 200;

    public static void main(String[] arguments) throws Exception {
        long records = Long.parseLong(arguments[0]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        if (arguments.length > 1) {
            env.setParallelism(Integer.parseInt(arguments[1]));
        }
        env.fromSequence(1, records)
                .map(new Fill())
                .rebalance()
                .map(new Touch())
                .keyBy(payload -> payload[1])
                .map(new Touch())
                .rebalance()
                .map(new Touch())
                .sinkTo(new DiscardingSink<>());
        env.execute("shuffle");
    }

    static final class Fill implements MapFunction<Long, byte[]> {
        private static final long serialVersionUID = 1L;

        @Override
        public byte[] map(Long record) {
            byte[] payload = new byte[PAYLOAD_BYTES];
            payload[1] = (byte) (record % 100);
            return payload;
        }
    }

    static final class Touch implements MapFunction<byte[], byte[]> {
        private static final long serialVersionUID = 1L;

        @Override
        public byte[] map(byte[] payload) {
            payload[0]++;
            return payload;
        }
    }
}
