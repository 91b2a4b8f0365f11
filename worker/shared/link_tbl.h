/* link_tbl.h - messages between the master and its children: LINK(id, value, "name", fields) */
LINK(LINK_READY, 1, "ready", "child -> master: start-up is complete")
LINK(LINK_DRAIN, 2, "drain", "master -> worker: take no new connections, finish, then exit")
LINK(LINK_STOP, 3, "stop", "master -> child: exit now")
LINK(LINK_ADOPT, 4, "adopt", "master -> worker: u32 slot; serve that slot's listeners too")
LINK(LINK_RELEASE, 5, "release", "master -> worker: u32 slot; stop serving it")
LINK(LINK_REOPEN, 6, "reopen",
    "master -> logger: descriptor of the access log opened anew; master -> any: u32 1, descriptor of the event log")
LINK(LINK_LOGLEVEL, 7, "loglevel", "master -> child: u32 level")
LINK(LINK_DRAINED, 8, "drained", "worker -> master: nothing left, about to exit")
LINK(LINK_FAILED, 9, "failed", "child -> master: string why start-up failed")
LINK(LINK_ASK, 10, "ask", "master -> worker: u32 ticket, string verb of worker/ask_tbl.h, string JSON arguments")
LINK(LINK_TELL, 11, "tell", "worker -> master: u32 ticket, u32 ok, descriptor of a sheet: the data, or {\"error\": why}")
