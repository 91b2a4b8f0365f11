/*
 * cache_tbl.h - what the cache did for a request: RESULT(id, "token", "Squid's word"). The token is what our own
 * formats and proxyctl say.
 */
RESULT(CACHE_NONE, "-", NULL)
RESULT(CACHE_MISS, "miss", "TCP_MISS")
RESULT(CACHE_HIT, "hit", "TCP_HIT")
RESULT(CACHE_STALE_HIT, "stale", "TCP_HIT")
RESULT(CACHE_REFRESH_UNMODIFIED, "revalidated", "TCP_REFRESH_UNMODIFIED")
RESULT(CACHE_REFRESH_MODIFIED, "replaced", "TCP_REFRESH_MODIFIED")
RESULT(CACHE_REFRESH_FAIL_OLD, "stale-error", "TCP_REFRESH_FAIL_OLD")
