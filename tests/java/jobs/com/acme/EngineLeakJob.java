package com.acme;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** User code with a native engine that is asked for a session per record and never closes one. Argument: bytes a second. */
public final class EngineLeakJob {
    static final int SESSION_BYTES = 32 << 10;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Scorer(Double.parseDouble(arguments[0]) / SESSION_BYTES))
                .sinkTo(new DiscardingSink<>());
        env.execute("engine leak");
    }

    /** A library in the job's jar, {@code tests/java/native/engine.rs}. */
    static final class Engine {
        static native long openSession(int bytes);

        static void load() throws Exception {
            Path library = Files.createTempDirectory("engine").resolve("libacmeengine.so");
            try (InputStream packed = Engine.class.getResourceAsStream("/libacmeengine.so")) {
                Files.copy(packed, library, StandardCopyOption.REPLACE_EXISTING);
            }
            System.load(library.toString());
        }
    }

    static final class Scorer extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;

        Scorer(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                Engine.load();
                throttle = new Throttle(perSecond);
            }
            throttle.pass();
            return score(record);
        }

        private Long score(Long record) {
            return Engine.openSession(SESSION_BYTES) + record;
        }
    }
}
