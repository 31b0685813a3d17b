package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that asks its database for small results, and once for a whole table, whose rows the driver reads into memory all at
 * once. Arguments: rows of the table (of a KiB each), the record at which it is asked for.
 */
public final class BulkQueryJob {
    private static final int SMALL_RESULT = 1_000;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, Long.MAX_VALUE - 1)
                .map(new Enrich(Integer.parseInt(arguments[0]), Long.parseLong(arguments[1])))
                .sinkTo(new DiscardingSink<>());
        env.execute("bulk query");
    }

    static final class Row {
        final byte[][] columns = new byte[8][96];
    }

    /** Stands for a driver without a fetch size. */
    static final class Driver {
        private Driver() {}

        static List<Row> fetchAll(int rows) {
            List<Row> result = new ArrayList<>();
            for (int i = 0; i < rows; i++) {
                result.add(new Row());
            }
            return result;
        }
    }

    static final class Enrich extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final int rows;
        private final long wholeTableAt;
        private transient Throttle throttle;

        Enrich(int rows, long wholeTableAt) {
            this.rows = rows;
            this.wholeTableAt = wholeTableAt;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(50);
            }
            throttle.pass();
            return (long) Driver.fetchAll(record == wholeTableAt ? rows : SMALL_RESULT).size();
        }
    }
}
