package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that makes classes as it runs. Arguments: how many, how many a second, and what becomes of an error: "fails", or
 * "swallowed", after which the job hangs.
 */
public final class ManyClassesJob {
    private static final int AT_ONCE = 20;

    public static void main(String[] arguments) throws Exception {
        int classes = Integer.parseInt(arguments[0]);
        double perSecond = Double.parseDouble(arguments[1]);
        boolean swallows = arguments[2].equals("swallowed");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, classes / AT_ONCE)
                .map(new CodeGenerator(perSecond / AT_ONCE, swallows))
                .sinkTo(new DiscardingSink<>());
        env.execute("many classes");
    }

    static final class CodeGenerator extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private final boolean swallows;
        private transient Throttle throttle;
        private transient Generated.Plan plan;

        CodeGenerator(double perSecond, boolean swallows) {
            this.perSecond = perSecond;
            this.swallows = swallows;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                plan = new Generated.Plan();
            }
            throttle.pass();
            if (swallows) {
                compileOrHang();
            } else {
                Generated.define(AT_ONCE);
            }
            return record;
        }

        /** Lets go of its classes at an error, so that the process has room, and then waits for what will never come. */
        private void compileOrHang() throws InterruptedException {
            try {
                plan.define(AT_ONCE);
            } catch (Throwable anything) {
                plan = null;
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }
}
