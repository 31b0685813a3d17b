package com.acme;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job whose enrichment keeps a direct buffer per record, for ever. Argument: bytes leaked per second. */
public final class DirectLeakJob {
    static final int BUFFER_BYTES = 64 << 10;

    public static void main(String[] arguments) throws Exception {
        double buffersPerSecond = Double.parseDouble(arguments[0]) / BUFFER_BYTES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Enricher(buffersPerSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("direct leak");
    }

    static final class Enricher extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient List<ByteBuffer> responses;

        Enricher(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                responses = new ArrayList<>();
            }
            throttle.pass();
            return lookUp(record);
        }

        private Long lookUp(Long record) {
            Payload.decode();
            ByteBuffer response = ByteBuffer.allocateDirect(BUFFER_BYTES);
            response.putLong(0, record);
            responses.add(response);
            return response.getLong(0);
        }
    }
}
