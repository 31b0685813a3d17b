package com.acme;

import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Many short jobs, one after the other, as a scheduler submits them to a session cluster: each has a class loader of its own.
 * Arguments: how many jobs, what each leaves behind ({@link LeftBehind}), and how many classes each makes.
 */
public final class ShortJobs {
    public static void main(String[] arguments) throws Exception {
        int jobs = Integer.parseInt(arguments[0]);
        int classes = Integer.parseInt(arguments[2]);
        for (int job = 0; job < jobs; job++) {
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
            env.setParallelism(1);
            env.fromSequence(0, 10)
                    .map(new LoaderLeakJob.Enricher(arguments[1], classes))
                    .sinkTo(new DiscardingSink<>());
            waitFor(env.executeAsync("short job " + job));
        }
    }

    private static void waitFor(JobClient job) throws Exception {
        while (!job.getJobStatus().get().isGloballyTerminalState()) {
            Thread.sleep(50);
        }
    }
}
