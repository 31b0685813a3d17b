package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.shaded.netty4.io.netty.buffer.ByteBuf;
import org.apache.flink.shaded.netty4.io.netty.buffer.PooledByteBufAllocator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job whose client has a Netty pool of its own and does not release what it is handed. Argument: bytes leaked per second.
 */
public final class NettyClientJob {
    static final int BUFFER_BYTES = 256 << 10;

    public static void main(String[] arguments) throws Exception {
        double buffersPerSecond = Double.parseDouble(arguments[0]) / BUFFER_BYTES;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Caller(buffersPerSecond))
                .sinkTo(new DiscardingSink<>());
        env.execute("netty client");
    }

    static final class Caller extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient HttpClient client;

        Caller(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                client = new HttpClient();
            }
            throttle.pass();
            Payload.decode();
            return client.call(record);
        }
    }

    /** Keeps every answer, for nobody calls release. */
    static final class HttpClient {
        private final PooledByteBufAllocator pool = new PooledByteBufAllocator(true);
        private final List<ByteBuf> answers = new ArrayList<>();

        Long call(Long record) {
            ByteBuf answer = pool.directBuffer(BUFFER_BYTES);
            answer.writeLong(record);
            answers.add(answer);
            return answer.getLong(0);
        }
    }
}
