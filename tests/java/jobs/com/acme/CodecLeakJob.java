package com.acme;

import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** A job that makes a codec for each record, uses it and never ends it. Arguments: inflater or deflater, codecs a second. */
public final class CodecLeakJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Decoder("inflater".equals(arguments[0]), Double.parseDouble(arguments[1])))
                .sinkTo(new DiscardingSink<>());
        env.execute("codec leak");
    }

    static final class Decoder extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final boolean inflates;
        private final double perSecond;
        private transient Throttle throttle;
        private transient List<Object> codecs;
        private transient byte[] packed;

        Decoder(boolean inflates, double perSecond) {
            this.inflates = inflates;
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                codecs = new ArrayList<>();
                packed = pack(new byte[64 << 10], new Deflater());
            }
            throttle.pass();
            codecs.add(inflates ? unpack() : open());
            return record;
        }

        private Inflater unpack() throws Exception {
            Inflater inflater = new Inflater();
            inflater.setInput(packed);
            // The window is made when the first output does not take it all.
            inflater.inflate(new byte[40 << 10]);
            return inflater;
        }

        private Deflater open() {
            Deflater deflater = new Deflater();
            pack(new byte[64 << 10], deflater);
            return deflater;
        }

        private static byte[] pack(byte[] plain, Deflater deflater) {
            for (int i = 0; i < plain.length; i++) {
                plain[i] = (byte) (i * 31 ^ i >> 7);
            }
            deflater.setInput(plain);
            deflater.finish();
            byte[] packed = new byte[128 << 10];
            deflater.deflate(packed);
            return packed;
        }
    }
}
