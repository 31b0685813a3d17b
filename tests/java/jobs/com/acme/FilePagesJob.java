package com.acme;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A healthy job that writes files and reads them again, so that the kernel fills the container with their pages. Arguments: the
 * directory, how many files of 16 MiB, how many of them are written or read a second, and records in all, one a file.
 */
public final class FilePagesJob {
    static final int FILE_BYTES = 16 << 20;

    private static final int CHUNK_BYTES = 64 << 10;

    public static void main(String[] arguments) throws Exception {
        Archive archive = new Archive(arguments[0], Integer.parseInt(arguments[1]), Double.parseDouble(arguments[2]));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.parseLong(arguments[3]) - 1)
                .map(archive)
                .sinkTo(new DiscardingSink<>());
        env.execute("file pages");
    }

    static final class Archive extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final String directory;
        private final int files;
        private final double perSecond;
        private transient Throttle throttle;
        private transient byte[] chunk;

        Archive(String directory, int files, double perSecond) {
            this.directory = directory;
            this.files = files;
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (throttle == null) {
                throttle = new Throttle(perSecond);
                chunk = new byte[CHUNK_BYTES];
                Files.createDirectories(Path.of(directory));
            }
            throttle.pass();
            Payload.decode();
            Path file = Path.of(directory, "part-" + record % files);
            if (record < files) {
                write(file);
            } else {
                read(file);
            }
            return record;
        }

        private void write(Path file) throws Exception {
            try (OutputStream out = Files.newOutputStream(file)) {
                for (int i = 0; i < FILE_BYTES / CHUNK_BYTES; i++) {
                    out.write(chunk);
                }
            }
        }

        private void read(Path file) throws Exception {
            try (InputStream in = Files.newInputStream(file)) {
                while (in.read(chunk) >= 0) {
                    // Looking is enough.
                }
            }
        }
    }
}
