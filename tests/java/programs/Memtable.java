import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/** Fills RocksDB's memtable and says how large RocksDB says it is. By reflection: the programs are compiled without Flink. */
public final class Memtable {
    /** Arguments: class path with RocksDB, mebibytes to write. */
    public static void main(String[] arguments) throws Exception {
        String[] paths = arguments[0].split(":");
        URL[] urls = new URL[paths.length];
        for (int i = 0; i < paths.length; i++) {
            urls[i] = Paths.get(paths[i]).toUri().toURL();
        }
        ClassLoader loader = new URLClassLoader(urls);
        Class<?> database = Class.forName("org.rocksdb.RocksDB", true, loader);
        Class<?> options = Class.forName("org.rocksdb.Options", true, loader);
        Object given = options.getConstructor().newInstance();
        options.getMethod("setCreateIfMissing", boolean.class).invoke(given, true);
        options.getMethod("setWriteBufferSize", long.class).invoke(given, 1L << 30);
        Path directory = Files.createTempDirectory(Paths.get(""), "rocks");
        Object open = database.getMethod("open", options, String.class).invoke(null, given, directory.toString());
        fill(open, database.getMethod("put", byte[].class, byte[].class), Integer.parseInt(arguments[1]));
        Method property = database.getMethod("getProperty", String.class);
        Steps.pause("filled", property.invoke(open, "rocksdb.cur-size-all-mem-tables"));
        database.getMethod("close").invoke(open);
        Steps.say("done");
    }

    private static void fill(Object database, Method put, int mebibytes) throws Exception {
        byte[] value = new byte[4096];
        for (int i = 0; i < mebibytes * 256; i++) {
            put.invoke(database, Integer.toString(i).getBytes("US-ASCII"), value);
        }
    }
}
