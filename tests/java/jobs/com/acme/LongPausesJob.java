package com.acme;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Holds many small objects, as many as nearly fill the old generation, and makes garbage, so that full collections follow each
 * other. Arguments: MiB held, seconds after which the garbage begins, MiB of garbage per second.
 */
public final class LongPausesJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Graph(Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2])))
                .sinkTo(new DiscardingSink<>());
        env.execute("long pauses");
    }

    static final class Vertex {
        final Vertex[] edges;

        Vertex(Vertex first, Vertex second) {
            edges = new Vertex[] {first, second};
        }
    }

    static final class Graph extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        /** A vertex of 16 bytes and its array of 24. */
        private static final int VERTEX_BYTES = 40;

        private final int mebibytes;
        private final int seconds;
        private final int garbage;
        private transient Vertex[] vertices;
        private transient Object[] young;
        private transient long begin;
        private transient Throttle throttle;

        Graph(int mebibytes, int seconds, int garbage) {
            this.mebibytes = mebibytes;
            this.seconds = seconds;
            this.garbage = garbage;
        }

        @Override
        public void open(OpenContext context) {
            int count = (int) (((long) mebibytes << 20) / (VERTEX_BYTES + 4));
            vertices = new Vertex[count];
            for (int i = 0; i < count; i++) {
                // Edges across the whole heap, so that marking finds nothing in the processor's caches.
                int any = (int) ((i * 2_654_435_761L & Integer.MAX_VALUE) % Math.max(1, i));
                vertices[i] = new Vertex(i > 0 ? vertices[any] : null, vertices[i / 2]);
            }
            young = new Object[64];
            begin = System.nanoTime();
            throttle = new Throttle(garbage * 2);
        }

        @Override
        public Long map(Long record) {
            throttle.pass();
            boolean quiet = System.nanoTime() - begin < seconds * 1_000_000_000L;
            if (!quiet) {
                // Lives for a while, so that young collections have something to promote.
                young[(int) (record % young.length)] = new byte[512 << 10];
            }
            return (long) vertices.length;
        }
    }
}
