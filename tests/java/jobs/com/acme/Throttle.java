package com.acme;

import java.util.concurrent.locks.LockSupport;

/** Lets records pass at a steady rate. */
final class Throttle {
    private final long intervalNanos;
    private long next;

    Throttle(double perSecond) {
        intervalNanos = (long) (1e9 / perSecond);
        next = System.nanoTime();
    }

    void pass() {
        next += intervalNanos;
        long wait;
        while ((wait = next - System.nanoTime()) > 0 && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(wait);
        }
    }
}
