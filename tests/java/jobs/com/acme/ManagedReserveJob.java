package com.acme;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.memory.MemoryManager;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A job with an operator of its own that reserves a fixed size of managed memory in its slot. Arguments: bytes; seconds. */
public final class ManagedReserveJob {
    static final int RECORDS_PER_SECOND = 50;

    public static void main(String[] arguments) throws Exception {
        long bytes = Long.parseLong(arguments[0]);
        long records = Long.parseLong(arguments[1]) * RECORDS_PER_SECOND;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, records)
                .transform("index", Types.LONG, new IndexOperator(bytes))
                .sinkTo(new DiscardingSink<>());
        env.execute("managed reserve");
    }

    static final class IndexOperator extends AbstractStreamOperator<Long> implements OneInputStreamOperator<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final long bytes;
        private transient Throttle throttle;
        private transient MemoryManager memory;

        IndexOperator(long bytes) {
            this.bytes = bytes;
        }

        @Override
        public void open() throws Exception {
            super.open();
            throttle = new Throttle(RECORDS_PER_SECOND);
            memory = getContainingTask().getEnvironment().getMemoryManager();
            memory.reserveMemory(this, bytes);
        }

        @Override
        public void processElement(StreamRecord<Long> record) {
            throttle.pass();
            output.collect(record);
        }

        @Override
        public void close() throws Exception {
            if (memory != null) {
                memory.releaseAllMemory(this);
            }
            super.close();
        }
    }
}
