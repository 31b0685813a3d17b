package com.acme;

import java.io.IOException;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;

/**
 * Writes column files, one open for each partition. Every writer buffers each column of its row group. Arguments: directory,
 * partitions, columns, bytes of a column's buffer.
 */
public final class PartitionedSinkJob {
    public static void main(String[] arguments) throws Exception {
        int partitions = Integer.parseInt(arguments[1]);
        int columns = Integer.parseInt(arguments[2]);
        int bytes = Integer.parseInt(arguments[3]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(600_000);
        FileSink<Long> sink =
                FileSink.forBulkFormat(new Path(arguments[0]), (BulkWriter.Factory<Long>) stream -> new ColumnFileWriter(stream, columns, bytes))
                        .withBucketAssigner(new ByPartition(partitions))
                        .build();
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(record -> {
                    if (record % 20 == 0) {
                        Thread.sleep(200);
                        Payload.decode();
                    }
                    return record;
                })
                .sinkTo(sink);
        env.execute("partitioned sink");
    }

    static final class ByPartition implements BucketAssigner<Long, String> {
        private static final long serialVersionUID = 1L;

        private final int partitions;

        ByPartition(int partitions) {
            this.partitions = partitions;
        }

        @Override
        public String getBucketId(Long record, Context context) {
            return "customer=" + record % partitions;
        }

        @Override
        public SimpleVersionedSerializer<String> getSerializer() {
            return SimpleVersionedStringSerializer.INSTANCE;
        }
    }

    /** Buffers a row group by columns. */
    static final class ColumnFileWriter implements BulkWriter<Long> {
        private final FSDataOutputStream stream;
        private final byte[][] columns;
        private int rows;

        ColumnFileWriter(FSDataOutputStream stream, int columns, int bytes) {
            this.stream = stream;
            this.columns = new byte[columns][bytes];
        }

        @Override
        public void addElement(Long record) {
            for (byte[] column : columns) {
                column[rows % column.length] = record.byteValue();
            }
            rows++;
        }

        @Override
        public void flush() {}

        @Override
        public void finish() throws IOException {
            for (byte[] column : columns) {
                stream.write(column, 0, Math.min(rows, column.length));
            }
        }
    }
}
