package com.acme;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job that loads a fixed table of reference data when it opens, and then looks records up in it. Arguments: MiB of the table,
 * seconds that loading takes, records at 50 a second.
 */
public final class ReferenceCacheJob {
    public static void main(String[] arguments) throws Exception {
        int mebibytes = Integer.parseInt(arguments[0]);
        int seconds = Integer.parseInt(arguments[1]);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(1, Long.parseLong(arguments[2]))
                .map(new Lookup(mebibytes, seconds))
                .sinkTo(new DiscardingSink<>());
        env.execute("reference cache");
    }

    /** A row of the table: about a KiB. */
    static final class Product {
        final long key;
        final byte[] description = new byte[944];

        Product(long key) {
            this.key = key;
        }
    }

    static final class Lookup extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final int ROWS_A_MEBIBYTE = 1024;

        private final int mebibytes;
        private final int seconds;
        private transient Map<Long, Product> products;
        private transient Throttle throttle;

        Lookup(int mebibytes, int seconds) {
            this.mebibytes = mebibytes;
            this.seconds = seconds;
        }

        @Override
        public void open(OpenContext context) {
            products = new HashMap<>();
            loadTable();
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                throttle = new Throttle(50);
            }
            throttle.pass();
            Payload.decode();
            Product product = products.get(record % products.size());
            return product == null ? 0 : product.key;
        }

        private void loadTable() {
            int rows = mebibytes * ROWS_A_MEBIBYTE;
            Throttle pace = new Throttle(rows / (double) Math.max(1, seconds));
            for (long key = 0; key < rows; key++) {
                pace.pass();
                products.put(key, new Product(key));
            }
        }
    }
}
