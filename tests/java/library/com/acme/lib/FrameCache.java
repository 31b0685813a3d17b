package com.acme.lib;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** A library for the class path of the process: its cache has no bound, and no job that ends takes it along. */
public final class FrameCache {
    private static final Map<Long, ByteBuffer> FRAMES = new HashMap<>();

    private FrameCache() {}

    public static synchronized ByteBuffer frame(long key, int bytes) {
        ByteBuffer frame = FRAMES.get(key);
        if (frame == null) {
            frame = ByteBuffer.allocateDirect(bytes);
            frame.putLong(0, key);
            FRAMES.put(key, frame);
        }
        return frame;
    }
}
