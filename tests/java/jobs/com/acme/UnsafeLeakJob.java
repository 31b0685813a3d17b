package com.acme;

import java.lang.reflect.Field;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import sun.misc.Unsafe;

/** A job whose index keeps its nodes outside the heap and never frees one. Arguments: bytes a second. */
public final class UnsafeLeakJob {
    static final int NODE_BYTES = 64 << 10;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new OffHeapIndex(Double.parseDouble(arguments[0]) / NODE_BYTES))
                .sinkTo(new DiscardingSink<>());
        env.execute("unsafe leak");
    }

    /** The JDK's door to memory that no limit of the JVM counts. */
    static Unsafe unsafe() throws ReflectiveOperationException {
        Field field = Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (Unsafe) field.get(null);
    }

    static final class OffHeapIndex extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient Unsafe unsafe;

        OffHeapIndex(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                unsafe = unsafe();
            }
            throttle.pass();
            return insert(record);
        }

        private Long insert(Long record) {
            long node = unsafe.allocateMemory(NODE_BYTES);
            unsafe.setMemory(node, NODE_BYTES, (byte) 1);
            return unsafe.getByte(node) + record;
        }
    }
}
