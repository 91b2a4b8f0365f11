/*
 * admin_cmds.h - what the verbs of the admin socket do.
 */
#pragma once

struct master;
struct admin_client;
struct admin_request;

/* Answers now, or later through the client (admin_reply and its like). */
void	admin_run(struct master *, struct admin_client *, const struct admin_request *);
