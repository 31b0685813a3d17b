package com.acme;

import java.util.Arrays;

/** What a record is decoded into: garbage right after, as in any job, so that the JVM collects now and then. */
final class Payload {
    private static final int BYTES = 512 << 10;

    private Payload() {}

    static int decode() {
        byte[] decoded = new byte[BYTES];
        Arrays.fill(decoded, (byte) 1);
        return decoded[BYTES - 1];
    }
}
