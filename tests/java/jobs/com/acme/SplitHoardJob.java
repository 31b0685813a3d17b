package com.acme;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource.NumberSequenceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A source that discovers files faster than they are read: its enumerator, in the JobManager, keeps each. Arguments: bytes of
 * metadata per second, {@code enumerator} or {@code static} for who keeps them.
 */
public final class SplitHoardJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSource(
                        new FileListing(Long.parseLong(arguments[0]), arguments[1].equals("static")),
                        WatermarkStrategy.noWatermarks(),
                        "files")
                .map(record -> {
                    Thread.sleep(20);
                    return record;
                })
                .sinkTo(new DiscardingSink<>());
        env.execute("split hoard");
    }

    /** What is known of a file: its path, and statistics of its columns. */
    static final class PendingFile {
        final String path;
        final long[] statistics = new long[250];

        PendingFile(long number) {
            path = "s3://bucket/table/part-" + number + ".parquet";
        }
    }

    /** A log of what was found, which nobody ever empties. */
    static final class DiscoveryLog {
        static final List<PendingFile> FOUND = new ArrayList<>();

        private DiscoveryLog() {}
    }

    static final class FileListing implements Source<Long, NumberSequenceSplit, List<NumberSequenceSplit>> {
        private static final long serialVersionUID = 1L;

        private final long bytesPerSecond;
        private final boolean isLogged;
        private final NumberSequenceSource numbers = new NumberSequenceSource(0, Long.MAX_VALUE - 1);

        FileListing(long bytesPerSecond, boolean isLogged) {
            this.bytesPerSecond = bytesPerSecond;
            this.isLogged = isLogged;
        }

        @Override
        public Boundedness getBoundedness() {
            return Boundedness.CONTINUOUS_UNBOUNDED;
        }

        @Override
        public SourceReader<Long, NumberSequenceSplit> createReader(SourceReaderContext context) throws Exception {
            return numbers.createReader(context);
        }

        @Override
        public SplitEnumerator<NumberSequenceSplit, List<NumberSequenceSplit>> createEnumerator(
                SplitEnumeratorContext<NumberSequenceSplit> context) {
            return new FileEnumerator(context, bytesPerSecond, isLogged);
        }

        @Override
        public SplitEnumerator<NumberSequenceSplit, List<NumberSequenceSplit>> restoreEnumerator(
                SplitEnumeratorContext<NumberSequenceSplit> context, List<NumberSequenceSplit> checkpoint) {
            return createEnumerator(context);
        }

        @Override
        public SimpleVersionedSerializer<NumberSequenceSplit> getSplitSerializer() {
            return numbers.getSplitSerializer();
        }

        @Override
        public SimpleVersionedSerializer<List<NumberSequenceSplit>> getEnumeratorCheckpointSerializer() {
            return new NoState();
        }
    }

    static final class FileEnumerator implements SplitEnumerator<NumberSequenceSplit, List<NumberSequenceSplit>> {
        private static final long PERIOD_MS = 100;

        private final SplitEnumeratorContext<NumberSequenceSplit> context;
        private final long filesPerPeriod;
        private final boolean isLogged;
        private final List<PendingFile> pending = new ArrayList<>();
        private final AtomicLong found = new AtomicLong();
        private boolean assigned;

        FileEnumerator(SplitEnumeratorContext<NumberSequenceSplit> context, long bytesPerSecond, boolean isLogged) {
            this.context = context;
            this.filesPerPeriod = Math.max(1, bytesPerSecond * PERIOD_MS / 1_000 / 2_150);
            this.isLogged = isLogged;
        }

        @Override
        public void start() {
            context.callAsync(this::discover, this::keep, 1_000, PERIOD_MS);
        }

        private List<PendingFile> discover() {
            List<PendingFile> files = new ArrayList<>();
            for (long i = 0; i < filesPerPeriod; i++) {
                files.add(new PendingFile(found.incrementAndGet()));
            }
            return files;
        }

        private void keep(List<PendingFile> files, Throwable failure) {
            (isLogged ? DiscoveryLog.FOUND : pending).addAll(files == null ? List.of() : files);
        }

        @Override
        public void handleSplitRequest(int subtask, String host) {
            if (!assigned) {
                assigned = true;
                context.assignSplit(new NumberSequenceSplit("only", 0, Long.MAX_VALUE - 1), subtask);
            }
        }

        @Override
        public void addSplitsBack(List<NumberSequenceSplit> splits, int subtask) {
            assigned = false;
        }

        @Override
        public void addReader(int subtask) {}

        @Override
        public List<NumberSequenceSplit> snapshotState(long checkpoint) {
            return new ArrayList<>();
        }

        @Override
        public void close() {}
    }

    static final class NoState implements SimpleVersionedSerializer<List<NumberSequenceSplit>> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<NumberSequenceSplit> splits) throws IOException {
            return new byte[0];
        }

        @Override
        public List<NumberSequenceSplit> deserialize(int version, byte[] bytes) throws IOException {
            return new ArrayList<>();
        }
    }
}
