/*
 * ask_tbl.h - what a worker can be asked: ASK("verb", function). Arguments and data are JSON objects.
 *
 *   conn ls	{"client": CIDR, "limit": n}	{"conns": [{"id", "client", "for", "listener", "age_ms", "requests",
 *						"state", "request", "service", "target", "in", "out"}],
 *						"left_out": n}
 *   conn kill	{"client": CIDR} or {"id": ID}	{"killed": n}
 */
ASK("conn ls", ask_conn_ls)
ASK("conn kill", ask_conn_kill)
