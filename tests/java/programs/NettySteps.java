import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Two class loaders, each with a copy of Netty, as user jars bring them; one more copy is loaded but never initialised. Arguments: a
 * jar, and the package of Netty in it. Says what Netty itself thinks that it uses: of the first copy, of the second, -1 where it does not
 * count; and their limit.
 */
public final class NettySteps {
    public static void main(String[] arguments) throws Exception {
        URL[] jar = {Path.of(arguments[0]).toUri().toURL()};
        String name = arguments[1] + ".util.internal.PlatformDependent";
        ClassLoader nobody = ClassLoader.getPlatformClassLoader();
        try (URLClassLoader one = new URLClassLoader(jar, nobody);
                URLClassLoader other = new URLClassLoader(jar, nobody);
                URLClassLoader idle = new URLClassLoader(jar, nobody)) {
            Class<?> first = Class.forName(name, true, one);
            Class<?> second = Class.forName(name, true, other);
            Class<?> third = Class.forName(name, false, idle);
            ByteBuffer buffer = allocate(first, 5 << 20);
            allocate(second, 3 << 20);
            tell("allocated", first, second);
            if (buffer != null) {
                method(first, "freeDirectNoCleaner", ByteBuffer.class).invoke(null, buffer);
            }
            tell("freed", first, second);
            Steps.say(third.getName());
        }
    }

    /** Nothing on a JDK where this Netty cannot make buffers without a cleaner. */
    private static ByteBuffer allocate(Class<?> netty, int bytes) throws Exception {
        if (!(Boolean) method(netty, "useDirectBufferNoCleaner").invoke(null)) {
            return null;
        }
        return (ByteBuffer) method(netty, "allocateDirectNoCleaner", int.class).invoke(null, bytes);
    }

    private static void tell(String step, Class<?> first, Class<?> second) throws Exception {
        Steps.pause(step, used(first), used(second), method(first, "maxDirectMemory").invoke(null));
    }

    private static Object used(Class<?> netty) throws Exception {
        return method(netty, "usedDirectMemory").invoke(null);
    }

    private static Method method(Class<?> netty, String name, Class<?>... parameters) throws Exception {
        return netty.getMethod(name, parameters);
    }
}
