package com.acme;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.io.network.buffer.BufferPool;
import org.apache.flink.runtime.io.network.partition.ResultPartition;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * A job whose operator takes network buffers from its task's pool and never gives them back, as a defect in releasing them would. Arguments:
 * buffers that each of two subtasks takes; seconds.
 */
public final class BufferTakerJob {
    static final int RECORDS_PER_SECOND = 50;

    public static void main(String[] arguments) throws Exception {
        int buffers = Integer.parseInt(arguments[0]);
        long records = Long.parseLong(arguments[1]) * RECORDS_PER_SECOND;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(2);
        env.fromSequence(1, records)
                .transform("taker", Types.LONG, new Taker(buffers))
                .rebalance()
                .sinkTo(new DiscardingSink<>());
        env.execute("buffer taker");
    }

    static final class Taker extends AbstractStreamOperator<Long> implements OneInputStreamOperator<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int buffers;
        private transient Throttle throttle;

        Taker(int buffers) {
            this.buffers = buffers;
        }

        @Override
        public void open() throws Exception {
            super.open();
            throttle = new Throttle(RECORDS_PER_SECOND);
            ResultPartition partition = (ResultPartition) getContainingTask().getEnvironment().getWriter(0);
            BufferPool pool = partition.getBufferPool();
            for (int taken = 0; taken < buffers; taken++) {
                if (pool.requestMemorySegment() == null) {
                    throw new IllegalStateException("no buffer to take");
                }
            }
        }

        @Override
        public void processElement(StreamRecord<Long> record) {
            throttle.pass();
            output.collect(record);
        }
    }
}
