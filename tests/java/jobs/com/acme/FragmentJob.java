package com.acme;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import sun.misc.Unsafe;

/**
 * Workers that take much memory outside the heap for a batch, one after the other, and free nearly all of it: what stays keeps the allocator from
 * giving the rest back, and the next worker's arena does not use it. Arguments: bytes of a batch, batches a second, bytes of blocks, one size
 * after the other.
 */
public final class FragmentJob {
    private static final int WORKERS = 16;

    /** One block in this many stays. */
    private static final int STAYS = 32;

    public static void main(String[] arguments) throws Exception {
        String[] sizes = arguments[2].split("\\+");
        int[] blockBytes = new int[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            blockBytes[i] = Integer.parseInt(sizes[i]);
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Batches(Long.parseLong(arguments[0]), Double.parseDouble(arguments[1]), blockBytes))
                .sinkTo(new DiscardingSink<>());
        env.execute("fragments");
    }

    static final class Batches extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final long batchBytes;
        private final double perSecond;
        private final int[] blockBytes;
        private transient Throttle throttle;
        private transient Unsafe unsafe;
        private transient ExecutorService[] workers;

        Batches(long batchBytes, double perSecond, int[] blockBytes) {
            this.batchBytes = batchBytes;
            this.perSecond = perSecond;
            this.blockBytes = blockBytes;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                unsafe = UnsafeLeakJob.unsafe();
                workers = new ExecutorService[WORKERS];
                for (int i = 0; i < WORKERS; i++) {
                    workers[i] = Executors.newSingleThreadExecutor();
                }
            }
            throttle.pass();
            int bytes = blockBytes[(int) (record / WORKERS % blockBytes.length)];
            workers[(int) (record % WORKERS)].submit(() -> batch(bytes)).get();
            return record;
        }

        @Override
        public void close() {
            for (int i = 0; workers != null && i < WORKERS; i++) {
                workers[i].shutdownNow();
            }
        }

        private void batch(int bytes) {
            long[] blocks = new long[(int) (batchBytes / bytes)];
            for (int i = 0; i < blocks.length; i++) {
                blocks[i] = unsafe.allocateMemory(bytes);
                unsafe.setMemory(blocks[i], bytes, (byte) 1);
            }
            for (int i = 0; i < blocks.length; i++) {
                if (i % STAYS != 0) {
                    unsafe.freeMemory(blocks[i]);
                }
            }
        }
    }
}
