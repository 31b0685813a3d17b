package com.acme;

import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that looks up records in a mapped file, a little further on each time: resident memory that the kernel takes back when it
 * likes. Arguments: bytes of the file; seconds until it has been read whole; seconds in all.
 */
public final class MappedFileJob {
    static final int RECORDS_PER_SECOND = 50;
    static final int PAGE_BYTES = 4096;

    public static void main(String[] arguments) throws Exception {
        int bytes = Integer.parseInt(arguments[0]);
        int perRecord = bytes / (Integer.parseInt(arguments[1]) * RECORDS_PER_SECOND);
        long records = Long.parseLong(arguments[2]) * RECORDS_PER_SECOND;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, records).map(new Lookup(bytes, perRecord)).sinkTo(new DiscardingSink<>());
        env.execute("mapped file");
    }

    static final class Lookup extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int bytes;
        private final int perRecord;
        private transient Throttle throttle;
        private transient Path file;
        private transient MappedByteBuffer table;
        private transient int position;

        Lookup(int bytes, int perRecord) {
            this.bytes = bytes;
            this.perRecord = perRecord;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (table == null) {
                throttle = new Throttle(RECORDS_PER_SECOND);
                file = Files.createTempFile("lookup", ".table");
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                    channel.position(bytes - 1L);
                    channel.write(java.nio.ByteBuffer.allocate(1));
                    table = channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes);
                }
            }
            throttle.pass();
            Payload.decode();
            long sum = record;
            for (int end = position + perRecord; position < end; position += PAGE_BYTES) {
                sum += table.get(position % bytes);
            }
            position %= bytes;
            return sum;
        }

        @Override
        public void close() throws Exception {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        }
    }
}
