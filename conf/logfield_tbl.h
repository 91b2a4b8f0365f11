/*
 * logfield_tbl.h - what is known about a request when it is over: FIELD(id, "name", type, "what it is"), in the
 * order of a JSON log line. The same names are the fields of expressions (conf/base/expr.h).
 *
 * A request has either a route or a rule, by the mode of its listener.
 */
FIELD(LF_TIME, "time", EXPR_TIME, "when its head was complete")
FIELD(LF_CLIENT, "client", EXPR_ADDR, "who asked")
FIELD(LF_METHOD, "method", EXPR_TEXT, "its method")
FIELD(LF_HOST, "host", EXPR_NAME, "host and port it asked for")
FIELD(LF_TARGET, "target", EXPR_TEXT, "its target as received")
FIELD(LF_STATUS, "status", EXPR_NUMBER, "status sent to the client; 0: none")
FIELD(LF_UPSTREAM_STATUS, "upstream_status", EXPR_NUMBER, "status received from upstream; 0: none")
FIELD(LF_BYTES_IN, "bytes_in", EXPR_SIZE, "body bytes from the client")
FIELD(LF_BYTES_OUT, "bytes_out", EXPR_SIZE, "body bytes to the client")
FIELD(LF_SENT, "sent", EXPR_SIZE, "bytes of the answer that left: head, framing and body")
FIELD(LF_DNS_MS, "dns_ms", EXPR_MSEC, "until the host's name was resolved")
FIELD(LF_CONNECT_MS, "connect_ms", EXPR_MSEC, "until the connection upstream stood")
FIELD(LF_FIRST_BYTE_MS, "first_byte_ms", EXPR_MSEC, "until the first byte came from upstream")
FIELD(LF_TOTAL_MS, "total_ms", EXPR_MSEC, "until it was over")
FIELD(LF_ROUTE, "route", EXPR_TEXT, "name of the route that matched")
FIELD(LF_RULE, "rule", EXPR_TEXT, "id of the rule that decided")
FIELD(LF_LIST, "list", EXPR_TEXT, "list and line of its entry that made the rule match, as in ads:48213")
FIELD(LF_LISTENER, "listener", EXPR_TEXT, "name of the listener it came in by")
FIELD(LF_UPSTREAM, "upstream", EXPR_TEXT, "address and port of the server asked")
FIELD(LF_REASON, "reason", EXPR_TEXT, "why it ended as it did: a token, - or upstream")
FIELD(LF_CACHE, "cache", EXPR_TEXT, "what the cache did: -, miss, hit, stale, revalidated, replaced, stale-error")
FIELD(LF_TRIES, "tries", EXPR_NUMBER, "attempts upstream")
FIELD(LF_REUSED, "reused", EXPR_BOOL, "the upstream connection was kept from an earlier request")
FIELD(LF_REQUEST_ID, "request_id", EXPR_TEXT, "its id")
FIELD(LF_REFERER, "referer", EXPR_TEXT, "Referer as received")
FIELD(LF_AGENT, "agent", EXPR_TEXT, "User-Agent as received")
FIELD(LF_PID, "pid", EXPR_NUMBER, "process that served it")
FIELD(LF_GENERATION, "generation", EXPR_NUMBER, "generation of the configuration it was served under")
