package com.acme;

import java.io.OutputStream;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that hands its records to a program beside it, which holds all of them in its memory.
 *
 * <p>Arguments: {@code python} or {@code tool}; bytes handed over per second; seconds.
 */
public final class ChildJob {
    static final int RECORDS_PER_SECOND = 50;

    public static void main(String[] arguments) throws Exception {
        int bytes = Integer.parseInt(arguments[1]) / RECORDS_PER_SECOND;
        long records = Long.parseLong(arguments[2]) * RECORDS_PER_SECOND;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, records)
                .map(new Pipe(arguments[0].equals("python"), bytes))
                .sinkTo(new DiscardingSink<>());
        env.execute("child");
    }

    static final class Pipe extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final String WORKER = "import sys\n"
                + "bundle = []\n"
                + "while True:\n"
                + "    chunk = sys.stdin.buffer.read(65536)\n"
                + "    if not chunk:\n"
                + "        break\n"
                + "    bundle.append(chunk)\n";

        private final boolean python;
        private final int bytes;
        private transient Throttle throttle;
        private transient Process child;
        private transient OutputStream input;

        Pipe(boolean python, int bytes) {
            this.python = python;
            this.bytes = bytes;
        }

        @Override
        public Long map(Long record) throws Exception {
            if (child == null) {
                throttle = new Throttle(RECORDS_PER_SECOND);
                // tail keeps the end of its input, which has no line and no end.
                List<String> command = python ? List.of("python3", "-c", WORKER) : List.of("tail", "-c", "2000000000");
                child = new ProcessBuilder(command)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                input = child.getOutputStream();
            }
            throttle.pass();
            input.write(new byte[bytes]);
            input.flush();
            return record;
        }

        @Override
        public void close() {
            if (child != null) {
                child.destroyForcibly();
            }
        }
    }
}
