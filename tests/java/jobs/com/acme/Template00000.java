package com.acme;

/** What {@link Generated} makes copies of: enough code to fill some metaspace. */
final class Template00000 {
    private long state;

    long step00(long a, long b) {
        state += a * 3L + b;
        long mixed = (state << 1) ^ (b >>> 1);
        return mixed > a ? mixed - b * 1000L : mixed + step01(b, a >> 1);
    }

    long step01(long a, long b) {
        state += a * 4L + b;
        long mixed = (state << 2) ^ (b >>> 2);
        return mixed > a ? mixed - b * 1001L : mixed + step02(b, a >> 1);
    }

    long step02(long a, long b) {
        state += a * 5L + b;
        long mixed = (state << 3) ^ (b >>> 3);
        return mixed > a ? mixed - b * 1002L : mixed + step03(b, a >> 1);
    }

    long step03(long a, long b) {
        state += a * 6L + b;
        long mixed = (state << 4) ^ (b >>> 4);
        return mixed > a ? mixed - b * 1003L : mixed + step04(b, a >> 1);
    }

    long step04(long a, long b) {
        state += a * 7L + b;
        long mixed = (state << 5) ^ (b >>> 5);
        return mixed > a ? mixed - b * 1004L : mixed + step05(b, a >> 1);
    }

    long step05(long a, long b) {
        state += a * 8L + b;
        long mixed = (state << 6) ^ (b >>> 6);
        return mixed > a ? mixed - b * 1005L : mixed + step06(b, a >> 1);
    }

    long step06(long a, long b) {
        state += a * 9L + b;
        long mixed = (state << 7) ^ (b >>> 7);
        return mixed > a ? mixed - b * 1006L : mixed + step07(b, a >> 1);
    }

    long step07(long a, long b) {
        state += a * 10L + b;
        long mixed = (state << 8) ^ (b >>> 1);
        return mixed > a ? mixed - b * 1007L : mixed + step08(b, a >> 1);
    }

    long step08(long a, long b) {
        state += a * 11L + b;
        long mixed = (state << 9) ^ (b >>> 2);
        return mixed > a ? mixed - b * 1008L : mixed + step09(b, a >> 1);
    }

    long step09(long a, long b) {
        state += a * 12L + b;
        long mixed = (state << 10) ^ (b >>> 3);
        return mixed > a ? mixed - b * 1009L : mixed + step10(b, a >> 1);
    }

    long step10(long a, long b) {
        state += a * 13L + b;
        long mixed = (state << 11) ^ (b >>> 4);
        return mixed > a ? mixed - b * 1010L : mixed + step11(b, a >> 1);
    }

    long step11(long a, long b) {
        state += a * 14L + b;
        long mixed = (state << 12) ^ (b >>> 5);
        return mixed > a ? mixed - b * 1011L : mixed + step12(b, a >> 1);
    }

    long step12(long a, long b) {
        state += a * 15L + b;
        long mixed = (state << 13) ^ (b >>> 6);
        return mixed > a ? mixed - b * 1012L : mixed + step13(b, a >> 1);
    }

    long step13(long a, long b) {
        state += a * 16L + b;
        long mixed = (state << 1) ^ (b >>> 7);
        return mixed > a ? mixed - b * 1013L : mixed + step14(b, a >> 1);
    }

    long step14(long a, long b) {
        state += a * 17L + b;
        long mixed = (state << 2) ^ (b >>> 1);
        return mixed > a ? mixed - b * 1014L : mixed + step15(b, a >> 1);
    }

    long step15(long a, long b) {
        state += a * 18L + b;
        long mixed = (state << 3) ^ (b >>> 2);
        return mixed > a ? mixed - b * 1015L : mixed + step00(b, a >> 1);
    }
}
