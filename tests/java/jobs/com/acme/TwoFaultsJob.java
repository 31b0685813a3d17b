package com.acme;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job with two of the other jobs' operators, which have nothing to do with each other. Arguments: for each of the two its kind
 * ("direct", "session", "unsafe", "files", "threads") and bytes, or threads, a second; and for "files" the directory.
 */
public final class TwoFaultsJob {
    private static final int FAULTS = 2;
    private static final int FILES = 40;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        String directory = arguments.length > 2 * FAULTS ? arguments[2 * FAULTS] : "";
        for (int fault = 0; fault < FAULTS; fault++) {
            double perSecond = Double.parseDouble(arguments[2 * fault + 1]);
            env.fromSequence(0, Long.MAX_VALUE - 1)
                    .map(operator(arguments[2 * fault], perSecond, directory))
                    .sinkTo(new DiscardingSink<>());
        }
        env.execute("two faults");
    }

    private static MapFunction<Long, Long> operator(String kind, double perSecond, String directory) {
        switch (kind) {
            case "direct":
                return new DirectLeakJob.Enricher(perSecond / DirectLeakJob.BUFFER_BYTES);
            case "session":
                return new SessionLeakJob.Tracker(perSecond / SessionLeakJob.SESSION_BYTES);
            case "unsafe":
                return new UnsafeLeakJob.OffHeapIndex(perSecond / UnsafeLeakJob.NODE_BYTES);
            case "files":
                return new FilePagesJob.Archive(directory, FILES, perSecond / FilePagesJob.FILE_BYTES);
            case "threads":
                return new ThreadHoardJob.Uploader("record", (int) perSecond, Integer.MAX_VALUE);
            default:
                throw new IllegalArgumentException(kind);
        }
    }
}
