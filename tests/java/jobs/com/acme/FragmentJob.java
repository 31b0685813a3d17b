package com.acme;

import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import sun.misc.Unsafe;

/**
 * Workers that take much memory outside the heap for each batch and free nearly all of it: what stays keeps the allocator from giving the
 * rest back, and the next batch's blocks do not fit into it. Arguments: between or within, bytes a batch of a worker, batches a second.
 */
public final class FragmentJob {
    private static final int WORKERS = 4;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Batches("within".equals(arguments[0]), Long.parseLong(arguments[1]), Double.parseDouble(arguments[2])))
                .sinkTo(new DiscardingSink<>());
        env.execute("fragments");
    }

    static final class Batches extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final boolean within;
        private final long batchBytes;
        private final double perSecond;
        private transient Throttle throttle;
        private transient Unsafe unsafe;

        Batches(boolean within, long batchBytes, double perSecond) {
            this.within = within;
            this.batchBytes = batchBytes;
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                unsafe = UnsafeLeakJob.unsafe();
            }
            throttle.pass();
            Thread[] workers = new Thread[WORKERS];
            for (int i = 0; i < WORKERS; i++) {
                workers[i] = new Thread(() -> batch(record), "worker-" + i);
                workers[i].start();
            }
            for (Thread worker : workers) {
                worker.join();
            }
            return record;
        }

        private void batch(Long record) {
            int bytes = within ? SIZES[(int) (record % SIZES.length)] : (16 << 10) + 512 * (int) (record % 200);
            int blocks = (int) (batchBytes / bytes);
            long[] all = new long[blocks];
            for (int i = 0; i < blocks; i++) {
                all[i] = fill(bytes);
                if (!within) {
                    // The index entry, which stays, lies behind the block, which does not.
                    fill(24);
                }
            }
            for (int i = 0; i < blocks; i++) {
                if (!within || i % STAYS != 0) {
                    unsafe.freeMemory(all[i]);
                }
            }
        }

        private long fill(int bytes) {
            long block = unsafe.allocateMemory(bytes);
            unsafe.setMemory(block, bytes, (byte) 1);
            return block;
        }
    }

    /** One block in this many stays. */
    private static final int STAYS = 16;

    /** The small size classes of jemalloc: blocks of one class share pages with nobody else's. */
    private static final int[] SIZES = {
        16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072
    };
}
