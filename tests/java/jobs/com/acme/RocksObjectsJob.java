package com.acme;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.Statistics;

/** User code that configures a RocksDB of its own for each record, with statistics, and closes nothing. Argument: times a second. */
public final class RocksObjectsJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.fromSequence(0, Long.MAX_VALUE - 1)
                .map(new Lookup(Double.parseDouble(arguments[0])))
                .sinkTo(new DiscardingSink<>());
        env.execute("rocksdb objects");
    }

    static final class Lookup extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final double perSecond;
        private transient Throttle throttle;
        private transient List<Options> all;

        Lookup(double perSecond) {
            this.perSecond = perSecond;
        }

        @Override
        public Long map(Long record) {
            if (throttle == null) {
                RocksDB.loadLibrary();
                throttle = new Throttle(perSecond);
                all = new ArrayList<>();
            }
            throttle.pass();
            all.add(configure());
            return record;
        }

        private Options configure() {
            return new Options().setCreateIfMissing(true).setStatistics(new Statistics());
        }
    }
}
