package com.acme;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.api.common.functions.RichMapFunction;

/** A job that ends, but whose client goes on polling in a thread of its own. */
public final class ThreadLeakJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, 1000).map(new Client()).sinkTo(new DiscardingSink<>());
        env.execute("thread leak");
    }

    static final class Client extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private transient boolean polls;

        @Override
        public Long map(Long record) {
            if (!polls) {
                polls = true;
                Thread poller = new Thread(new Poller(), "acme-poller");
                poller.setDaemon(true);
                poller.start();
            }
            return record;
        }
    }

    /** Waits for what never comes. */
    static final class Poller implements Runnable {
        @Override
        public void run() {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                // The process ends.
            }
        }
    }
}
