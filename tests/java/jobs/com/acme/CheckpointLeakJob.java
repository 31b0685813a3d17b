package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that registers a new listener with its client at each checkpoint and takes none away. Arguments: milliseconds between
 * checkpoints, bytes that hang on a listener.
 */
public final class CheckpointLeakJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(Long.parseLong(arguments[0]));
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Publisher(Integer.parseInt(arguments[1])))
                .sinkTo(new DiscardingSink<>());
        env.execute("checkpoint leak");
    }

    /** Waits for an answer that it then keeps. */
    static final class CommitListener {
        final long checkpoint;
        final long[][] offsets;

        CommitListener(long checkpoint, int bytes) {
            this.checkpoint = checkpoint;
            offsets = new long[Math.max(1, bytes / 8_192)][1_022];
        }
    }

    static final class Client {
        private final List<CommitListener> listeners = new ArrayList<>();

        void onCommit(CommitListener listener) {
            listeners.add(listener);
        }
    }

    static final class Publisher extends RichMapFunction<Long, Long> implements CheckpointedFunction {
        private static final long serialVersionUID = 1L;

        private final int bytes;
        private transient Client client;
        private transient Throttle throttle;

        Publisher(int bytes) {
            this.bytes = bytes;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(100);
            }
            throttle.pass();
            Payload.decode();
            return record;
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {
            client = new Client();
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            client.onCommit(new CommitListener(context.getCheckpointId(), bytes));
        }
    }
}
