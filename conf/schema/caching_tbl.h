/*
 * caching_tbl.h - what may be said about caching. FLAG(member, "shipped default", "help") is true or false,
 * TIME(member, "shipped default", "help") a duration.
 */
FLAG(store, "true", "answers may be stored; false: requests pass the cache by")
TIME(ttl, "0s", "how long an answer is fresh that says nothing about it; 0: heuristic, or not at all")
TIME(ttl_min, "0s", "an answer is fresh at least this long, whatever it says; 0: as it says")
TIME(ttl_max, "0s", "and at most this long; 0: as it says")
TIME(grace, "0s", "stale-while-revalidate (RFC 5861) of an answer that does not say it")
TIME(keep, "1h", "stale-if-error (RFC 5861) of an answer that was fresh once and does not say it")
FLAG(heuristic, "true",
    "an answer that says nothing is fresh for a tenth of the time since Last-Modified, a day at most")
FLAG(obey_client, "true", "no-cache, max-age, min-fresh, max-stale, only-if-cached of requests count")
FLAG(store_set_cookie, "false", "store answers that set a cookie: whoever asks gets the same one")
FLAG(sort_query, "false", "the order of query parameters picks no other answer")
FLAG(same_encoding, "true", "spellings of Accept-Encoding that ask for the same pick the same variant")
FLAG(same_language, "true", "and those of Accept-Language")
