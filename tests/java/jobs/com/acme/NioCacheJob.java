package com.acme;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A sink that spools blocks on the heap to local files, with a pool of threads that grows by two a second: for each thread NIO keeps a
 * direct buffer as large as the largest block that it wrote.
 *
 * <p>Arguments: threads at most; bytes of a block; seconds.
 */
public final class NioCacheJob {
    static final int RECORDS_PER_SECOND = 50;

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int blockBytes = Integer.parseInt(arguments[1]);
        long records = Long.parseLong(arguments[2]) * RECORDS_PER_SECOND;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, records)
                .map(new Spooler(threads, blockBytes))
                .sinkTo(new DiscardingSink<>());
        env.execute("spool");
    }

    static final class Spooler extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int threads;
        private final int blockBytes;
        private transient Throttle throttle;
        private transient List<Lane> lanes;
        private transient long seen;

        Spooler(int threads, int blockBytes) {
            this.threads = threads;
            this.blockBytes = blockBytes;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(RECORDS_PER_SECOND);
                lanes = new ArrayList<>();
            }
            throttle.pass();
            Payload.decode();
            seen++;
            boolean halfASecond = seen % (RECORDS_PER_SECOND / 2) == 0;
            if (halfASecond && lanes.size() < threads) {
                lanes.add(new Lane(lanes.size()));
            }
            if (halfASecond) {
                Lane newest = lanes.get(lanes.size() - 1);
                newest.write(new byte[blockBytes]).get();
            }
            return record;
        }

        @Override
        public void close() throws Exception {
            if (lanes != null) {
                for (Lane lane : lanes) {
                    lane.close();
                }
            }
        }
    }

    /** One file and the thread that writes to it. */
    static final class Lane {
        private final ExecutorService writer;
        private final Path file;

        Lane(int number) throws IOException {
            writer = Executors.newSingleThreadExecutor(task -> new Thread(task, "spool-writer-" + number));
            file = Files.createTempFile("spool", ".block");
        }

        Future<?> write(byte[] block) {
            return writer.submit(() -> append(block));
        }

        private Void append(byte[] block) throws IOException {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                // From a buffer on the heap, so NIO copies it into a direct one first.
                channel.write(ByteBuffer.wrap(block), 0);
                channel.truncate(0);
            }
            return null;
        }

        void close() throws IOException {
            writer.shutdownNow();
            Files.deleteIfExists(file);
        }
    }
}
