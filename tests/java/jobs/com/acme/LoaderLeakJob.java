package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A short job of many classes that leaves something behind. Arguments: where ("task", or "main" for the process that runs the
 * job's main method), what ({@link LeftBehind}), and how many classes.
 */
public final class LoaderLeakJob {
    public static void main(String[] arguments) throws Exception {
        String where = arguments[0];
        String mechanism = arguments[1];
        int classes = Integer.parseInt(arguments[2]);
        if (where.equals("main")) {
            Generated.define(classes);
            LeftBehind.leave(mechanism);
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, 10)
                .map(where.equals("task") ? new Enricher(mechanism, classes) : new Enricher("nothing", 0))
                .sinkTo(new DiscardingSink<>());
        env.execute("leaves " + mechanism);
    }

    static final class Enricher extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final String mechanism;
        private final int classes;
        private transient boolean began;

        Enricher(String mechanism, int classes) {
            this.mechanism = mechanism;
            this.classes = classes;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (!began) {
                began = true;
                Generated.define(classes);
                LeftBehind.leave(mechanism);
            }
            return record;
        }
    }
}
