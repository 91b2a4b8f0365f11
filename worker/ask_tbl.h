/*
 * ask_tbl.h - what a worker can be asked: ASK("verb", function). Arguments and data are JSON objects.
 *
 *   conn ls	{"client": CIDR, "limit": n}	{"conns": [{"id", "client", "for", "listener", "age_ms", "requests",
 *						"state", "request", "service", "target", "in", "out"}],
 *						"left_out": n}
 *   conn kill	{"client": CIDR} or {"id": ID}	{"killed": n}
 *   acl lookup	{"value": text}		{"kind": "name"|"address", "found": [...]} as tools/proxyctl/format_list.c says
 *   explain	{"method", "url", "headers": ["Name: value"], "client": IP or "unix", "at": time, "listener": name,
 *		"no_dns": bool}; all but the first two may be null. The data, members absent where nothing is to be said:
 *		{"listener": {"name", "mode", "at", "chosen"}, "time", "time_given", "note", "resolve",
 *		"request": {"head": [line], "peer", "client", "trusted", "method", "form", "host", "port", "path",
 *			"query", "dots", "connect", "upgrade", "keep_alive", "body", "length"},
 *		"rules": [{"id", "action", "at", "verdict": "no"|"match"|"unknown"|"undecided", "term" (that decided),
 *			"terms": {term: {"says", "at", "kind" (that said no), "url" (that matched), "list", "line",
 *			"file"}}}],
 *		"addresses": [{"address", "range", "verdict", "rule", "reason", "text", "rules"}],
 *		"searches": [{"path", "candidates": [{"name", "at", "path", "verdict": "method"|"condition"|"undecided"|
 *			"match", "condition", "condition_at"}]}],
 *		"rule": {"id", "action", "at"}, "route": {"name", "at", "action", "captures": {}},
 *		"service": {"name", "at", "balance", "gate", "inflight", "waiting", "send_proxy": "v1"|"v2",
 *			"endpoints": [{"address", "target", "state", "weight", "backup", "inflight"}]},
 *		"filters": [name], "response_filters": [name], "limits": [{"name", "value", "from", "at"}],
 *		"sent": {"head": [line], "added": [name], "removed": [name]},
 *		"answer": {"status", "reason", "text", "fields": [line], "length", "body"},
 *		"verdict": {"action": "answer"|"send"|"tunnel"|"unresolved", "status", "reason", "target", "reused",
 *			"kept"}}; "at" is "file:line" or "built in"
 */
ASK("conn ls", ask_conn_ls)
ASK("conn kill", ask_conn_kill)
ASK("explain", ask_explain)
ASK("acl lookup", ask_acl_lookup)
