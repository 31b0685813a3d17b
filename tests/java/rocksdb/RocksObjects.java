import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Checkpoint;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Snapshot;
import org.rocksdb.Statistics;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteBufferManager;
import org.rocksdb.WriteOptions;

/**
 * Uses RocksDB as a Flink job does, and forgets to close some objects, each kind at a place of its own. After each step it
 * says what it made and closed: class, created, disposed of, for each class in turn.
 */
public final class RocksObjects {
    private static final long CACHE_BYTES = 16 << 20;
    private static final long WRITE_BUFFER_BYTES = 6 << 20;

    /** From RocksDB 8 on, a database makes some for itself and never closes them. */
    private static final boolean DATABASES_MAKE_OPTIONS =
            Arrays.stream(RocksDB.class.getDeclaredFields()).anyMatch(field -> field.getType() == ReadOptions.class);

    private static final Map<String, long[]> COUNTS = new TreeMap<>();

    /** Closed last in, first out: a database after what belongs to it. */
    private static final Deque<AutoCloseable> KEPT = new ArrayDeque<>();

    private static final List<Snapshot> SNAPSHOTS = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        Path directory = Files.createDirectories(Path.of("rocksdb"));
        RocksDB.loadLibrary();

        LRUCache cache = keep("LRUCache", new LRUCache(CACHE_BYTES, 2, false, 0.5));
        WriteBufferManager buffers = keep("WriteBufferManager", new WriteBufferManager(WRITE_BUFFER_BYTES, cache));
        RocksDB database = open(directory.resolve("one"), cache, buffers);
        fill(database);
        failToOpen(directory.resolve("none"));
        say("opened", database, cache);

        leakOptions();
        leakIterators(database);
        leakSnapshots(database);
        say("leaked", database, cache);

        clean(database);
        say("clean", database, cache);

        storm(database, directory, threads, rounds);
        say("stormed", database, cache);

        for (Snapshot snapshot : SNAPSHOTS) {
            database.releaseSnapshot(snapshot);
            disposed("Snapshot", 1);
        }
        while (!KEPT.isEmpty()) {
            AutoCloseable kept = KEPT.pop();
            kept.close();
            disposed(kept.getClass().getSimpleName().replace("BloomFilter", "Filter"), 1);
        }
        say("closed", null, null);
    }

    private static RocksDB open(Path path, LRUCache cache, WriteBufferManager buffers) throws RocksDBException {
        Statistics statistics = keep("Statistics", new Statistics());
        DBOptions options = keep("DBOptions", new DBOptions());
        options.setCreateIfMissing(true).setCreateMissingColumnFamilies(true).setWriteBufferManager(buffers);
        options.setStatistics(statistics);
        BloomFilter filter = keep("Filter", new BloomFilter(10, false));
        BlockBasedTableConfig table = new BlockBasedTableConfig();
        table.setBlockCache(cache).setFilterPolicy(filter).setCacheIndexAndFilterBlocks(true);
        ColumnFamilyOptions family = keep("ColumnFamilyOptions", new ColumnFamilyOptions());
        // Nothing happens in the background, so figures stay as they are.
        family.setTableFormatConfig(table).setWriteBufferSize(4 << 20).setDisableAutoCompactions(true);
        List<ColumnFamilyDescriptor> families = Arrays.asList(
                new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, family),
                new ColumnFamilyDescriptor("state".getBytes(), family));
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        RocksDB database = keep("RocksDB", RocksDB.open(options, path.toString(), families, handles));
        if (DATABASES_MAKE_OPTIONS) {
            made("ReadOptions", 1);
        }
        for (ColumnFamilyHandle handle : handles) {
            keep("ColumnFamilyHandle", handle);
        }
        keep("ColumnFamilyHandle", database.createColumnFamily(new ColumnFamilyDescriptor("more".getBytes(), family)));
        return database;
    }

    /** Some tables on disk, some of them in the cache, and something in the write buffer. */
    private static void fill(RocksDB database) throws RocksDBException {
        byte[] value = new byte[1000];
        try (WriteOptions options = new WriteOptions().setDisableWAL(true);
                org.rocksdb.FlushOptions flush = new org.rocksdb.FlushOptions().setWaitForFlush(true)) {
            for (int i = 0; i < 3000; i++) {
                database.put(options, key(i), value);
            }
            database.flush(flush);
            for (int i = 0; i < 3000; i++) {
                database.get(key(i));
            }
            for (int i = 0; i < 500; i++) {
                database.put(options, key(i), value);
            }
        }
        made("WriteOptions", 1);
        disposed("WriteOptions", 1);
        made("FlushOptions", 1);
        disposed("FlushOptions", 1);
    }

    private static byte[] key(int i) {
        return String.format("key-%08d", i).getBytes();
    }

    /** A database that does not come up is no object. */
    private static void failToOpen(Path path) {
        try (Options options = new Options().setCreateIfMissing(false)) {
            made("Options", 1);
            RocksDB.open(options, path.toString()).close();
            throw new AssertionError("opened what does not exist");
        } catch (RocksDBException expected) {
            disposed("Options", 1);
        }
    }

    private static void leakOptions() {
        for (int i = 0; i < 25; i++) {
            keep("ReadOptions", new ReadOptions());
        }
    }

    private static void leakIterators(RocksDB database) {
        for (int i = 0; i < 35; i++) {
            RocksIterator iterator = keep("RocksIterator", database.newIterator());
            iterator.seekToFirst();
        }
    }

    private static void leakSnapshots(RocksDB database) {
        for (int i = 0; i < 12; i++) {
            SNAPSHOTS.add(database.getSnapshot());
            made("Snapshot", 1);
        }
    }

    private static void clean(RocksDB database) throws RocksDBException {
        for (int i = 0; i < 40; i++) {
            try (ReadOptions options = new ReadOptions();
                    ReadOptions copy = new ReadOptions(options);
                    RocksIterator iterator = database.newIterator(copy);
                    WriteBatch batch = new WriteBatch();
                    Checkpoint checkpoint = Checkpoint.create(database)) {
                iterator.seekToLast();
            }
            Snapshot snapshot = database.getSnapshot();
            database.releaseSnapshot(snapshot);
        }
        for (Object[] each : new Object[][] {
            {"ReadOptions", 80}, {"RocksIterator", 40}, {"WriteBatch", 40}, {"Checkpoint", 40}, {"Snapshot", 40}
        }) {
            made((String) each[0], (Integer) each[1]);
            disposed((String) each[0], (Integer) each[1]);
        }
    }

    /** Caches and databases come and go while they are being asked about. */
    private static void storm(RocksDB database, Path directory, int threads, int rounds) throws InterruptedException {
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            Path own = directory.resolve("storm-" + i);
            workers[i] = new Thread(() -> churn(database, own, rounds), "storm-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        long all = (long) threads * rounds;
        Object[][] counts = {
            {"RocksIterator", all}, {"LRUCache", all}, {"Options", all / DATABASES}, {"RocksDB", all / DATABASES}
        };
        for (Object[] each : counts) {
            made((String) each[0], (Long) each[1]);
            disposed((String) each[0], (Long) each[1]);
        }
        if (DATABASES_MAKE_OPTIONS) {
            made("ReadOptions", all / DATABASES);
        }
    }

    private static final int DATABASES = 500;

    private static void churn(RocksDB database, Path own, int rounds) {
        for (int round = 0; round < rounds; round++) {
            database.newIterator().close();
            new LRUCache(1 << 20, 2).close();
            if (round % DATABASES == 0) {
                try (Options options = new Options().setCreateIfMissing(true);
                        RocksDB other = RocksDB.open(options, own.toString())) {
                    other.put(key(round), key(round));
                } catch (RocksDBException failed) {
                    throw new IllegalStateException(failed);
                }
            }
        }
    }

    private static <T extends AutoCloseable> T keep(String name, T object) {
        KEPT.push(object);
        made(name, 1);
        return object;
    }

    private static void made(String name, long count) {
        COUNTS.computeIfAbsent(name, none -> new long[2])[0] += count;
    }

    private static void disposed(String name, long count) {
        COUNTS.get(name)[1] += count;
    }

    /** First the figures of RocksDB: the cache's usage, what of it is pinned, and the memtables'. */
    private static void say(String step, RocksDB database, LRUCache cache) throws Exception {
        List<Object> values = new ArrayList<>();
        boolean isOpen = database != null;
        values.add(isOpen ? cache.getUsage() : 0);
        values.add(isOpen ? cache.getPinnedUsage() : 0);
        values.add(isOpen ? database.getAggregatedLongProperty("rocksdb.cur-size-all-mem-tables") : 0);
        COUNTS.forEach((name, counts) -> values.addAll(Arrays.asList(name, counts[0], counts[1])));
        Steps.pause(step, values.toArray());
    }
}
