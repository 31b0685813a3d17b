package com.acme;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.nio.charset.StandardCharsets;

/** Classes that are made at run time, as generators of code and serializers make them: some 10 KiB of metaspace each. */
final class Generated {
    private static final String TEMPLATE = "com/acme/Template00000";
    private static final int DIGITS = 5;

    private static int made;

    private Generated() {}

    /** Makes that many more, in the loader of this class. */
    static synchronized void define(int count) {
        byte[] template = template();
        for (int i = 0; i < count; i++) {
            try {
                MethodHandles.lookup().defineClass(renamed(template, ++made));
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** Classes in a loader of their own, which go with it. */
    static final class Plan extends ClassLoader {
        private int made;

        Plan() {
            super(Generated.class.getClassLoader());
        }

        /** Makes that many more. */
        void define(int count) {
            byte[] template = template();
            for (int i = 0; i < count; i++) {
                byte[] code = renamed(template, ++made);
                defineClass(null, code, 0, code.length);
            }
        }
    }

    private static byte[] template() {
        try (InputStream in = Generated.class.getClassLoader().getResourceAsStream(TEMPLATE + ".class")) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The name has as many digits in the copy, so nothing else in the file changes. */
    private static byte[] renamed(byte[] template, int number) {
        byte[] name = TEMPLATE.getBytes(StandardCharsets.US_ASCII);
        byte[] digits = String.format("%0" + DIGITS + "d", number).getBytes(StandardCharsets.US_ASCII);
        byte[] copy = template.clone();
        for (int at = 0; at + name.length <= copy.length; at++) {
            if (matches(template, at, name)) {
                System.arraycopy(digits, 0, copy, at + name.length - DIGITS, DIGITS);
            }
        }
        return copy;
    }

    private static boolean matches(byte[] code, int at, byte[] name) {
        for (int i = 0; i < name.length; i++) {
            if (code[at + i] != name[i]) {
                return false;
            }
        }
        return true;
    }
}
