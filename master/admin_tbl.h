/*
 * admin_tbl.h - the verbs of proxyctl, once for the server (master/admin.c) and the client (tools/proxyctl).
 *
 * CMD(id, "verb", "arguments", who, "help"). who may use it on a running proxyd: ADMIN_VIEW, ADMIN_OPERATE, or
 * ADMIN_LOCAL, which never reaches the socket. The client sends one line of at most 8 KiB, a JSON array of
 * strings: the verb's words, then its arguments. The answer is one JSON object and a newline, then the end:
 * {"ok": true, "data": ...} or {"ok": false, "error": "why"}.
 *
 * What travels:
 *   config show | config diff		data: {"text": "..."}; of diff also "changes": number
 *   config history			data: [{"generation", "at", "by", "changes", "digest",
 *					"state": "serves" | "unconfirmed" | "kept" | "dropped"}], oldest first
 *   status				data: as tools/proxyctl/format.c shows it
 *   reload | config rollback		data: {"generation": number, "changes", "waited_ms", "text": "what changed"}; while it is
 *					to be confirmed also "unconfirmed": {"generation", "returns_to", "left_s"}
 *   confirm				data: {"generation": number}
 *   stop [--fast]			data: {}; the answer comes before the stop
 *   upgrade [BINARY] [--wait SECONDS]	data: {"pid": number, "version": "...", "generation": number} of the new one; BINARY
 *					is a whole path
 *   upstream ls [SERVICE]		data: as tools/proxyctl/format_upstream.c shows it
 *   workers				data: as tools/proxyctl/format.c shows it
 *   drain				data: {"target", "drained": bool, "services": [{"name", "inflight", "all_drained"}]}
 *   conn ls				data: {"workers": [{"pid", "slot", "lane", "generation", "data" (worker/ask_tbl.h) or "error"}]}
 *   conn kill				data: {"killed": number, "errors": ["worker 0[4711]: why"]}
 *   loglevel				data: {"level", "configured"}; when set also "processes": how many know it
 *   explain				data: what worker/ask_tbl.h says, and "worker": {"pid", "slot", "generation"}
 *   acl lookup				data: as tools/proxyctl/format_list.c shows it
 *   acl reload				data: {"lists": [...]} likewise; an error when the file of one is not put in force
 *   acl ls				data: {"rules": [{"id", "verdict": "allow" | "deny", "all": ["!acl"], "open": ["CIDR"],
 *					"at": "file:line" | "built in", "hits", "counted_s": since when}],
 *					"lists": [...] as of status: those that an acl names}
 *   acl hits				data: {"zero": bool, "rules": [as above without "all" and "open"],
 *					"routes": [{"name", "hosts": [""], "path", "at", "hits", "counted_s"}]}
 *   cache verify			data: {"number"}: over when that is reached by "done" in "verify" of cache stat
 *   cache stat | cache purge		data: as tools/proxyctl/format_cache.c shows it
 *   log					data: {"lanes": number}, with the journal's descriptor, read-only, on the first byte
 *   version				data: {"version": "..."}
 */
CMD(CMD_CHECK, "check", "[FILE]", ADMIN_LOCAL, "judge a configuration file; needs no running proxyd")
CMD(CMD_CONFIG_SHOW, "config show", "[N]", ADMIN_OPERATE, "the configuration in force, or of generation N, defaults included")
CMD(CMD_CONFIG_DIFF, "config diff", "[N [M]]", ADMIN_OPERATE,
    "what a reload would change, or what differs from generation N to M or to the one in force")
CMD(CMD_CONFIG_HISTORY, "config history", "", ADMIN_OPERATE, "the last configurations that served, and who asked for them")
CMD(CMD_CONFIG_ROLLBACK, "config rollback", "N [--wait [SECONDS]] [--confirm TIME]", ADMIN_OPERATE,
    "take the configuration of generation N again, as it was")
CMD(CMD_STATUS, "status", "", ADMIN_VIEW, "listeners, services and counters on one screen")
CMD(CMD_RELOAD, "reload", "[--wait [SECONDS]] [--confirm TIME]", ADMIN_OPERATE,
    "take the configuration file again; --confirm 60s: return to the one before unless confirmed")
CMD(CMD_CONFIRM, "confirm", "", ADMIN_OPERATE, "keep the configuration that reload --confirm brought")
CMD(CMD_STOP, "stop", "[--fast]", ADMIN_OPERATE, "finish the requests in progress and end; --fast: end now")
CMD(CMD_UPGRADE, "upgrade", "[BINARY] [--wait [SECONDS]]", ADMIN_OPERATE,
    "let another proxyd take over, or the present file of this one; --wait: until the old one has left")
CMD(CMD_UPSTREAM_LS, "upstream ls", "[SERVICE]", ADMIN_VIEW, "the targets of services, and how they fare")
CMD(CMD_WORKERS, "workers", "", ADMIN_VIEW, "the processes and what they do")
CMD(CMD_DRAIN, "drain", "TARGET|SERVICE/TARGET [--undo]", ADMIN_OPERATE,
    "no new requests for a target, as configured or one of its addresses; those it has finish; survives reloads")
CMD(CMD_CONN_LS, "conn ls", "[--client CIDR|unix] [--limit N]", ADMIN_VIEW,
    "client connections of all workers, at most N of each (200); --client: of these addresses")
CMD(CMD_CONN_KILL, "conn kill", "ID | --client CIDR|unix", ADMIN_OPERATE,
    "reset a connection that conn ls names, or all of these addresses; tells how many")
CMD(CMD_EXPLAIN, "explain", "METHOD URL [--client IP] [-H HEADER]... [--at TIME] [--listener NAME] [--no-dns]", ADMIN_VIEW,
    "what would become of a request, and why; nothing is sent. --at: \"Mon 09:00\"; -H: \"Name: value\"")
CMD(CMD_ACL_LOOKUP, "acl lookup", "VALUE", ADMIN_VIEW,
    "which acls and lists hold a host name or an address, by which entry, and which rules ask for them")
CMD(CMD_ACL_RELOAD, "acl reload", "[LIST]", ADMIN_OPERATE,
    "take the file of a list, or of all, anew; ends when every worker judges by it")
CMD(CMD_ACL_LS, "acl ls", "", ADMIN_OPERATE,
    "the rules in the order they are asked, how many requests each decided, and the lists that acls name")
CMD(CMD_ACL_HITS, "acl hits", "[--zero]", ADMIN_VIEW,
    "how many requests each rule and route decided, and since when that is counted; --zero: those that decided none")
CMD(CMD_CACHE_STAT, "cache stat", "", ADMIN_VIEW, "what the cache holds, and what became of responses that were to be stored")
CMD(CMD_CACHE_PURGE, "cache purge", "--all [--dry-run]", ADMIN_OPERATE,
    "nothing that is stored now is served any more; --dry-run: only tell how much that is")
CMD(CMD_CACHE_VERIFY, "cache verify", "", ADMIN_OPERATE,
    "read all that is stored against its checksums while it is served, and remove what is damaged")
CMD(CMD_LOG, "log", "[-q EXPR] [--follow] [--format combined|common|squid|json] [-n N]", ADMIN_OPERATE,
    "the last requests, or those to come; -q: those that EXPR is true of")
CMD(CMD_LOGLEVEL, "loglevel", "[error|warn|info|debug]", ADMIN_OPERATE,
    "show or set how much the event log says, in all processes until the next reload")
CMD(CMD_TOP, "top", "[--by FIELD] [-q EXPR] [--sort rps|bytes|p99|errors] [-n N] [--once]", ADMIN_LOCAL,
    "requests per route, host, client, rule, target and so on: a screen every 2 s (--watch), or one report")
CMD(CMD_COMPLETION, "completion", "bash", ADMIN_LOCAL, "a script that completes verbs, options and names, to be sourced")
CMD(CMD_VERSION, "version", "", ADMIN_VIEW, "versions of proxyctl and of the running proxyd")
CMD(CMD_HELP, "help", "[VERB]", ADMIN_LOCAL, "this list, or one verb")
